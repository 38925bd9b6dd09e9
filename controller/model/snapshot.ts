/** The live state of the fleet as plain readonly data. Imports nothing. Times are milliseconds since the epoch. */

/** A value with its moment and origin, or the reason why there is none. Never 0 for unknown. */
export type Metric =
  | { readonly value: number; readonly at: number; readonly source: MetricSource }
  | { readonly absent: string }

/** Why a latency is absent where everything could be read: it is not unknown. */
export const noRequests = 'no requests in the interval'

export type MetricSource = 'hypervisor' | 'machine' | 'guest' | 'definition' | 'device' | 'computed'

/** `storage`: no hypervisor, but a server of storage for those that are. */
export const hostKinds = ['kvm', 'xen', 'esxi', 'storage'] as const
export type HypervisorKind = (typeof hostKinds)[number]

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

/** One that is there, and that its host cannot read now. */
export interface UnreadFileSystem extends Pick<FileSystem, 'mount' | 'device' | 'type'> {
  readonly reason: string
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

/** A LUN that the host exports to others, as a storage server. */
export interface ExportedLun {
  /** As those who use it know the array: `iscsi:<iqn>`. */
  readonly arrayKey: string
  readonly lun: string
  /** File or device behind it; empty where that is not known. */
  readonly backing: string
  /** Sum over the sessions. */
  readonly metrics: Readonly<Record<string, Metric>>
  readonly sessions: readonly ExportSession[]
}

/** One who uses a LUN. Rates are means since the report before; undefined: not known yet. */
export interface ExportSession {
  readonly session: string
  /** Name and address; empty where they are not known. */
  readonly initiator: string
  readonly address: string
  readonly readBytesPerSecond: number | undefined
  readonly writeBytesPerSecond: number | undefined
  readonly readRequestsPerSecond: number | undefined
  readonly writeRequestsPerSecond: number | undefined
  readonly inFlight: number | undefined
}

/** What one address did to an array that the host exports, by all its sessions, those that are over too. */
export interface ServedExchange {
  /** As those who use it know the array: `iscsi:<iqn>`. */
  readonly arrayKey: string
  /** Empty where it is not known. */
  readonly address: string
  /** Of the last reading. */
  readonly at: number
  readonly exchanged: Exchanged
}

/** A process of the host itself, as it was between its last two reports. */
export interface BusyProcess {
  readonly pid: number
  /** Of the program, without what it was started with. */
  readonly name: string
  readonly readBytesPerSecond: number
  readonly writeBytesPerSecond: number
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

/** Words of states are those of the source, in lower case; empty where it has none. */
export interface MdArray {
  readonly device: string
  /** Empty while it is not assembled; `container` for what only holds the metadata of others. */
  readonly level: string
  readonly state: string
  /** Devices that it should have, and those of them that are in sync; undefined for levels without redundancy. */
  readonly devices: number | undefined
  readonly inSyncDevices: number | undefined
  readonly members: readonly { readonly device: string; readonly state: string }[]
  /** `resync`, `recover`, `check`, `repair`, `reshape`; empty: none. */
  readonly syncAction: string
  readonly syncFraction: number | undefined
  readonly syncBytesPerSecond: number | undefined
  readonly syncPending: boolean
  readonly sizeBytes: number | undefined
}

export interface VirtualDrive {
  readonly id: string
  readonly name: string
  readonly level: string
  readonly state: string
  /** `write-back`, `write-back-always` (without a battery too), `write-through`: now, and as configured; empty: not known. */
  readonly writeCache: string
  readonly writeCacheConfigured: string
}

export interface PhysicalDrive {
  /** Enclosure and slot: `252:3`. */
  readonly id: string
  readonly model: string
  readonly state: string
  readonly rebuildFraction: number | undefined
  readonly mediaErrors: number | undefined
  readonly predictedFailures: number | undefined
  readonly smartAlert: boolean | undefined
}

export interface RaidController {
  readonly number: number
  readonly model: string
  readonly serial: string
  readonly status: string
  /** `bbu`, `cachevault`; empty: none. */
  readonly batteryKind: string
  readonly batteryState: string
  readonly virtualDrives: readonly VirtualDrive[]
  readonly physicalDrives: readonly PhysicalDrive[]
}

/** What a disk says of itself. */
export interface DiskHealth {
  readonly device: string
  readonly model: string
  readonly serial: string
  readonly passed: boolean | undefined
  readonly reallocatedSectors: number | undefined
  readonly pendingSectors: number | undefined
  readonly uncorrectableSectors: number | undefined
  readonly mediaErrors: number | undefined
  /** Of its rated life; may pass 1. */
  readonly usedFraction: number | undefined
  readonly spareFraction: number | undefined
  readonly spareThresholdFraction: number | undefined
  /** Bits of the NVMe critical warning. */
  readonly criticalWarning: number | undefined
  readonly temperatureCelsius: number | undefined
  readonly powerOnHours: number | undefined
  /** It was left asleep: the figures are those of when it last was awake. */
  readonly asleep: boolean
  /** Why it could not be read: the figures are those of before; empty if it was. */
  readonly problem: string
}

/** What volumes take their room from. */
export interface StoragePool {
  readonly name: string
  /** `volume-group`, `thin-pool`. */
  readonly kind: string
  readonly sizeBytes: number | undefined
  readonly freeBytes: number | undefined
  readonly dataFraction: number | undefined
  readonly metadataFraction: number | undefined
  readonly missingDevices: number | undefined
}

export type StorageSourceName = 'md' | 'raid-controller' | 'smart' | 'lvm'

export interface StorageSource {
  readonly name: StorageSourceName
  /** `not-here`: it cannot be read on this host. `failed`: it should have been; what is told of it is what was read before. */
  readonly state: 'read' | 'not-here' | 'failed'
  readonly reason: string
  /** When what is told of it was read; undefined: never. */
  readonly readAt: number | undefined
}

/** Health of the host's own storage, as last told. */
export interface StorageHealth {
  readonly sources: readonly StorageSource[]
  readonly mdArrays: readonly MdArray[]
  readonly raidControllers: readonly RaidController[]
  readonly disks: readonly DiskHealth[]
  readonly pools: readonly StoragePool[]
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
  readonly unreadFileSystems: readonly UnreadFileSystem[]
  readonly disks: readonly HostDisk[]
  readonly networks: readonly HostNetwork[]
  /** The processes that read and wrote most, without the VMs', the busiest first; undefined: not known. */
  readonly busyProcesses: readonly BusyProcess[] | undefined
  /** LUNs that others use; undefined: not told. */
  readonly exports: readonly ExportedLun[] | undefined
  /** Of the arrays that it exports: all that anybody does to them. */
  readonly served?: readonly ServedExchange[] | undefined
  /** Undefined: its agent has told nothing of it. */
  readonly storageHealth: StorageHealth | undefined
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

/**
 * What went to and from storage since its counters were first read here. It only grows, and begins anew with another reader: the growth
 * between two looks is what was told between them, however late. A part that is left out is not counted.
 */
export type Exchanged = Readonly<
  Partial<
    Record<
      | 'readBytes'
      | 'writeBytes'
      | 'readRequests'
      | 'writeRequests'
      | 'readSeconds'
      | 'writeSeconds'
      /** Length of the intervals in which any of it grew. */
      | 'activeSeconds',
      number
    >
  >
>

/** By a host's own counters. */
export interface HostExchange {
  readonly hostId: string
  /** Of the last reading. */
  readonly at: number
  readonly exchanged: Exchanged
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
  /** Undefined: not read yet. */
  readonly exchanged: Exchanged | undefined
}

/** What becomes of a write: `write-back` is answered from the controller's memory, `write-through` waits for the disks. */
export type WriteCache = 'write-back' | 'write-through'

/** What a ramp from one of its hosts found out about an array's write cache, in bytes as hosts write them. Spreads are deviations of the logarithm. */
export interface Calibration {
  readonly at: number
  readonly capacityBytes: number
  readonly capacitySpread: number
  /** Of sequential writes. */
  readonly drainBytesPerSecond: number
  readonly drainSpread: number
}

export interface StorageArray {
  readonly key: string
  readonly revision: number
  readonly name: string
  readonly kind: string
  readonly sizeBytes: number | undefined
  readonly hostIds: readonly string[]
  readonly diskIds: readonly string[]
  /** As one of its hosts tells; `write-through` if any of them says so. */
  readonly writeCache: WriteCache | undefined
  /** The newest that its hosts tell. */
  readonly calibration?: Calibration | undefined
  /** Sum over the hosts that report it. */
  readonly metrics: Readonly<Record<string, Metric>>
  /** Of the hosts that have counters for it; what the others do is in their VMs' disks. */
  readonly exchanges: readonly HostExchange[]
}

export interface Placement {
  readonly vmUuid: string
  readonly hostId: string
  /** Every host that reports it as running; more than one: `doubled`. */
  readonly runningOn: readonly string[]
  readonly doubled: boolean
  /** What hosts call it, where several tell of it, and whether it runs there as far as is known: also of hosts that are silent. */
  readonly copies?: readonly {
    readonly hostId: string
    readonly name: string
    readonly runs: boolean
    readonly isHalted?: true
  }[]
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

/** Something that happened to a VM or a host, as told by its hypervisor; or to the write cache of an array (`arrayIdOf`), as its model saw it. */
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

/** Whether it is a place for VMs. A storage server is a host in all else. */
export function takesVms({ kind }: Pick<Host, 'kind'>): boolean {
  return kind !== 'storage'
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
