/** The live state of the fleet as plain readonly data. Imports nothing. Times are milliseconds since the epoch. */

/** A value with its moment and origin, or the reason why there is none. Never 0 for unknown. */
export type Metric =
  | { readonly value: number; readonly at: number; readonly source: MetricSource }
  | { readonly absent: string }

/** Why a latency is absent where everything could be read: it is not unknown. */
export const noRequests = 'no requests in the interval'

export type MetricSource = 'hypervisor' | 'machine' | 'guest' | 'definition' | 'device' | 'computed'

export type HypervisorKind = 'kvm' | 'xen' | 'esxi'

export type VmState =
  | 'running'
  | 'blocked'
  | 'paused'
  | 'shutting-down'
  | 'shutoff'
  | 'crashed'
  | 'suspended'
  | 'unknown'

export interface Capability {
  readonly name: string
  readonly support: 'yes' | 'degraded' | 'no'
  readonly reason: string
}

export interface Gap {
  /** Empty: the whole host. */
  readonly vmUuid: string
  readonly group: string
  readonly reason: string
  readonly message: string
  readonly sinceMs: number
}

export type HostStatus =
  /** Reports arrive. */
  | 'up'
  /** The agent answers, the hypervisor does not. */
  | 'unreachable'
  /** The agent is gone; what is shown is what was last known. */
  | 'silent'

export interface FileSystem {
  readonly mount: string
  readonly device: string
  readonly type: string
  readonly sizeBytes: number
  readonly availableBytes: number
  readonly files: number
  readonly filesFree: number
  readonly readOnly: boolean
}

export interface HostDisk {
  readonly device: string
  readonly readBytesPerSecond: Metric
  readonly writeBytesPerSecond: Metric
  readonly readRequestsPerSecond: Metric
  readonly writeRequestsPerSecond: Metric
  readonly readLatencyMs: Metric
  readonly writeLatencyMs: Metric
  readonly busyFraction: Metric
}

export interface HostNetwork {
  readonly device: string
  readonly receiveBytesPerSecond: Metric
  readonly transmitBytesPerSecond: Metric
  readonly errorsPerSecond: Metric
}

export interface LocalDisk {
  readonly device: string
  readonly model: string
  readonly serial: string
  readonly sizeBytes: number
  readonly rotational: boolean | undefined
}

export interface Host {
  readonly id: string
  /** Revision of the snapshot in which it last changed. */
  readonly revision: number
  readonly name: string
  readonly kind: HypervisorKind
  readonly simulated: boolean
  readonly agentId: string
  readonly status: HostStatus
  readonly statusSince: number
  readonly lastReportAt: number | undefined
  readonly bootId: string
  readonly hypervisorVersion: string
  readonly managementVersion: string
  readonly os: string
  readonly kernel: string
  readonly machine: string
  readonly cpuModel: string
  readonly cpuCores: number | undefined
  readonly cpuThreads: number | undefined
  readonly cpuMhz: number | undefined
  /** What the hypervisor manages. */
  readonly memoryBytes: Metric
  readonly localDisks: readonly LocalDisk[]
  readonly capabilities: readonly Capability[]
  readonly gaps: readonly Gap[]
  readonly metrics: Readonly<Record<string, Metric>>
  readonly fileSystems: readonly FileSystem[]
  readonly disks: readonly HostDisk[]
  readonly networks: readonly HostNetwork[]
  readonly clockOffsetMs: number | undefined
}

export interface Nic {
  readonly device: string
  readonly mac: string
  readonly network: string
  readonly model: string
  readonly metrics: Readonly<Record<string, Metric>>
}

export interface Vm {
  readonly uuid: string
  readonly revision: number
  readonly name: string
  readonly hostId: string
  readonly simulated: boolean
  readonly state: VmState
  /** Why it is in this state: booted, destroyed, crashed, … */
  readonly stateReason: string
  readonly stateSince: number
  readonly runId: string
  readonly vcpus: number | undefined
  readonly owner: string
  readonly group: string
  readonly service: string
  readonly title: string
  readonly autostart: boolean | undefined
  readonly osType: string
  /** Keys into `disks`. */
  readonly diskIds: readonly string[]
  readonly nics: readonly Nic[]
  readonly metrics: Readonly<Record<string, Metric>>
  readonly gaps: readonly Gap[]
  readonly lastSampleAt: number | undefined
}

export interface Disk {
  /** `<vm uuid>/<target>`. */
  readonly id: string
  readonly revision: number
  readonly vmUuid: string
  readonly target: string
  readonly source: string
  readonly backend: string
  readonly arrayKey: string
  readonly unit: string
  readonly capacityBytes: number | undefined
  readonly allocationBytes: number | undefined
  readonly readOnly: boolean
  readonly removable: boolean
  readonly format: string
  readonly cache: string
  readonly bus: string
  readonly metrics: Readonly<Record<string, Metric>>
}

export interface StorageArray {
  readonly key: string
  readonly revision: number
  readonly name: string
  readonly kind: string
  readonly sizeBytes: number | undefined
  readonly hostIds: readonly string[]
  readonly diskIds: readonly string[]
  /** Sum over the hosts that report it. */
  readonly metrics: Readonly<Record<string, Metric>>
}

export interface Placement {
  readonly vmUuid: string
  readonly hostId: string
  /** Every host that reports it as running; more than one: `doubled`. */
  readonly runningOn: readonly string[]
  readonly doubled: boolean
}

export interface AgentState {
  readonly id: string
  readonly name: string
  readonly version: string
  readonly connected: boolean
  readonly since: number
  readonly hostIds: readonly string[]
  readonly clockOffsetMs: number | undefined
  readonly spoolReports: number
  readonly droppedReports: number
  readonly skippedTicks: number
  readonly rssBytes: number | undefined
  readonly cpuSeconds: number | undefined
  readonly collectors: readonly CollectorState[]
}

export interface CollectorState {
  readonly name: string
  readonly durationSeconds: number
  readonly success: boolean
  readonly error: string
}

/** Something that happened to a VM or a host, as told by its hypervisor. */
export interface FleetEvent {
  readonly at: number
  readonly hostId: string
  /** As it was called then; for servers that others read. */
  readonly hostName?: string
  readonly vmUuid: string
  readonly vmName: string
  readonly kind: string
  readonly reason: string
  readonly message: string
}

export interface Snapshot {
  readonly revision: number
  readonly at: number
  readonly hosts: ReadonlyMap<string, Host>
  readonly vms: ReadonlyMap<string, Vm>
  readonly disks: ReadonlyMap<string, Disk>
  readonly arrays: ReadonlyMap<string, StorageArray>
  readonly placements: ReadonlyMap<string, Placement>
  readonly agents: ReadonlyMap<string, AgentState>
}

/** The number of a metric, or undefined where it is absent. */
export function valueOf(metric: Metric | undefined): number | undefined {
  return metric !== undefined && 'value' in metric ? metric.value : undefined
}

/**
 * States in which a VM holds its memory on the host: all but off and crashed. A guest in suspend-to-RAM keeps its memory; `unknown` counts,
 * because Xen says "no state" of a domain between two runs, and room must not be promised on a guess.
 */
export function occupiesMemory(state: VmState): boolean {
  return state !== 'shutoff' && state !== 'crashed'
}

/** States in which a VM's disks may be written: two hosts in these for one VM are a danger. */
export function isRunning(state: VmState): boolean {
  return state === 'running' || state === 'blocked' || state === 'shutting-down'
}
