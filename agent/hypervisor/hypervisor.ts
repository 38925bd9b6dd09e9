import { hypervisorKinds } from '../../common/fleet-file/hypervisor-kinds.js'
import type { VerbName, Verdict } from '../../common/verbs.js'

/**
 * The seam between the agent and whatever runs the VMs. A driver reads and acts; it keeps no history and makes no rates.
 *
 * Conventions for every type here: bytes and requests are totals as `number` (exact to 2^53), times are seconds as
 * `number`, an absent property means "not read" or "cannot be read", never 0.
 */

export { hypervisorKinds, type HypervisorKind } from '../../common/fleet-file/hypervisor-kinds.js'

/** What a host is: `storage` is no place for VMs, but a server of storage for those that are. */
export const hostKinds = [...hypervisorKinds, 'storage'] as const
export type HostKind = (typeof hostKinds)[number]

/** What can be asked for in one pass. Each group has its own price; the schedule decides who pays when. */
export const sampleGroups = [
  'state',
  'cpu',
  'vcpu-wait',
  'mem-size',
  'mem-guest',
  'mem-rss',
  'block',
  'nic',
  'host',
  'canary',
] as const
export type SampleGroup = (typeof sampleGroups)[number]

/** What a driver can measure or do. `common/capabilities.ts` lists the names. */
export interface Capability {
  readonly name: string
  readonly support: 'yes' | 'degraded' | 'no'
  /** Why not, or how far; shown to people. */
  readonly reason?: string
}

export const vmStates = [
  'running',
  'blocked',
  'paused',
  'shutting-down',
  'shutoff',
  'crashed',
  'suspended',
  'unknown',
] as const
export type VmState = (typeof vmStates)[number]

/** libvirt's reasons of all states in one list; `unknown` where the driver gives none. */
export const vmStateReasons = [
  'unknown',
  'booted',
  'migrated',
  'restored',
  'from-snapshot',
  'unpaused',
  'migration-cancelled',
  'save-cancelled',
  'wakeup',
  'crashed',
  'user',
  'migration',
  'save',
  'dump',
  'io-error',
  'watchdog',
  'shutting-down',
  'snapshot',
  'starting-up',
  'post-copy',
  'post-copy-failed',
  'shutdown',
  'destroyed',
  'saved',
  'failed',
  'daemon',
  'panicked',
  'host-lost',
] as const
export type VmStateReason = (typeof vmStateReasons)[number]

export interface DiskRaw {
  readonly target: string
  readonly readRequests?: number
  readonly readBytes?: number
  readonly readSeconds?: number
  readonly writeRequests?: number
  readonly writeBytes?: number
  readonly writeSeconds?: number
  readonly flushRequests?: number
  readonly flushSeconds?: number
  readonly errors?: number
  readonly outOfSlots?: number
  readonly highestWriteBytes?: number
  /**
   * For latency where the hypervisor does not time requests: what the host's kernel counts for the block device beneath the
   * disk, since this run of the VM was first seen. Its requests are not the guest's, as layers join and split them.
   */
  readonly deviceReadRequests?: number
  readonly deviceReadSeconds?: number
  readonly deviceWriteRequests?: number
  readonly deviceWriteSeconds?: number
}

export interface NicRaw {
  readonly device: string
  readonly receiveBytes?: number
  readonly receivePackets?: number
  readonly receiveErrors?: number
  readonly receiveDrops?: number
  readonly transmitBytes?: number
  readonly transmitPackets?: number
  readonly transmitErrors?: number
  readonly transmitDrops?: number
}

/** One VM at one moment. */
export interface VmRaw {
  readonly uuid: string
  /** Changes when the VM's counters restart; empty while it is off. */
  readonly runId: string
  /** Wall clock when it was read, milliseconds since the epoch. */
  readonly atMs: number
  readonly state?: VmState
  readonly stateReason?: VmStateReason
  readonly cpuSeconds?: number
  readonly vcpuWaitSeconds?: number
  readonly vcpus?: number
  readonly memoryMaxBytes?: number
  readonly memoryBytes?: number
  readonly memoryRssBytes?: number
  readonly memoryGuestUsedBytes?: number
  readonly memoryGuestAvailableBytes?: number
  readonly memoryGuestAgeMs?: number
  readonly memorySwapInBytes?: number
  readonly memorySwapOutBytes?: number
  readonly memoryMajorFaults?: number
  readonly memoryActiveBytes?: number
  readonly memoryBalloonedBytes?: number
  readonly memorySwappedBytes?: number
  readonly disks?: readonly DiskRaw[]
  readonly nics?: readonly NicRaw[]
}

export interface HostDiskRaw {
  readonly device: string
  readonly readRequests: number
  readonly readBytes: number
  readonly readSeconds: number
  readonly writeRequests: number
  readonly writeBytes: number
  readonly writeSeconds: number
  readonly inFlight: number
  readonly busySeconds: number
  readonly flushRequests?: number
  readonly flushSeconds?: number
}

export interface FileSystemRaw {
  readonly mount: string
  readonly device: string
  readonly type: string
  readonly sizeBytes: number
  readonly availableBytes: number
  readonly files: number
  readonly filesFree: number
  readonly readOnly: boolean
}

/** One that is there, and that could not be read. */
export interface UnreadFileSystemRaw extends Pick<FileSystemRaw, 'mount' | 'device' | 'type'> {
  readonly reason: string
}

export type NetworkRaw = Required<NicRaw>

/** The machine itself at one moment. */
export interface HostRaw {
  /** Changes when the totals begin anew without a boot; left out where only a boot does that. */
  readonly runId?: string
  /** All that was used, where it is not divided into user and system. */
  readonly cpuUsedSeconds?: number
  readonly cpuUserSeconds?: number
  readonly cpuSystemSeconds?: number
  readonly cpuIdleSeconds?: number
  readonly cpuIowaitSeconds?: number
  readonly cpuStealSeconds?: number
  readonly cpuGuestSeconds?: number
  readonly cpuThreads?: number
  readonly load1?: number
  readonly load5?: number
  readonly load15?: number
  readonly memoryBytes?: number
  readonly memoryAvailableBytes?: number
  readonly memoryFreeBytes?: number
  readonly swapBytes?: number
  readonly swapFreeBytes?: number
  readonly swapInBytes?: number
  readonly swapOutBytes?: number
  /** Written by programs and not yet sent to the storage; sent and not yet come back. */
  readonly dirtyBytes?: number
  readonly writebackBytes?: number
  /** Of both together: from the one on the kernel writes in the background, at the other those who write have to wait. */
  readonly dirtyBackgroundBytes?: number
  readonly dirtyLimitBytes?: number
  readonly psiCpuSomeSeconds?: number
  readonly psiMemorySomeSeconds?: number
  readonly psiMemoryFullSeconds?: number
  readonly psiIoSomeSeconds?: number
  readonly psiIoFullSeconds?: number
  readonly uptimeSeconds?: number
  readonly disks?: readonly HostDiskRaw[]
  readonly fileSystems?: readonly FileSystemRaw[]
  readonly unreadFileSystems?: readonly UnreadFileSystemRaw[]
  readonly networks?: readonly NetworkRaw[]
  readonly busyProcesses?: BusyProcessesRaw
}

/** What a process of the machine made the storage read and write. */
export interface ProcessIoRaw {
  readonly pid: number
  readonly name: string
  readonly readBytes: number
  readonly writeBytes: number
}

/**
 * The processes that did most since the pass before, and how long ago that was. No totals: who does most changes from pass to pass,
 * and a total of one that was not told before has nothing to be compared with.
 */
export interface BusyProcessesRaw {
  readonly seconds: number
  readonly processes: readonly ProcessIoRaw[]
}

/** Totals between this host and one array. */
export interface ArrayRaw {
  readonly key: string
  /** Changes when the totals are of other devices than before: then they cannot be compared. */
  readonly runId?: string
  readonly readRequests?: number
  readonly readBytes?: number
  readonly readSeconds?: number
  readonly writeRequests?: number
  readonly writeBytes?: number
  readonly writeSeconds?: number
  readonly inFlight?: number
  readonly canarySeconds?: number
  /** How long the canary's write that is under way has been, once that is longer than it may. */
  readonly canaryOverdueSeconds?: number
  readonly writeCache?: 'yes' | 'no' | 'write-through'
  /** Of md with parity: stripes that are being worked on, and how many there can be. */
  readonly stripeCacheActive?: number
  readonly stripeCacheSize?: number
}

/**
 * What one session of an initiator did to one LUN that this machine exports, as totals since the session began. A row that is new began
 * at 0; a session that did nothing yet has none.
 */
export interface ExportRaw {
  /** Key of the array, as those who use it have it: `iscsi:<iqn>`. */
  readonly arrayKey: string
  readonly lun: string
  /** Tells sessions of one LUN apart. */
  readonly session: string
  /** Empty where it is not known who. */
  readonly initiator: string
  readonly address?: string
  /** What is behind the LUN. */
  readonly backing?: string
  readonly readBytes: number
  readonly readRequests?: number
  readonly writeBytes: number
  readonly writeRequests?: number
  readonly inFlight?: number
}

export const gapReasons = ['timeout', 'quarantined', 'disconnected', 'failed', 'denied'] as const
export type GapReason = (typeof gapReasons)[number]

/** Something that should have been read and was not. No `vmUuid`: the whole host. */
export interface Gap {
  readonly vmUuid?: string
  readonly group: SampleGroup
  readonly reason: GapReason
  readonly message: string
  /** Wall clock since when it has been missing, milliseconds. */
  readonly sinceMs: number
}

export interface Sample {
  readonly vms: readonly VmRaw[]
  readonly gaps: readonly Gap[]
  /** Present only from drivers that know the machine themselves (simulated, remote, ESXi). */
  readonly host?: HostRaw
  readonly arrays?: readonly ArrayRaw[]
  /** The moment that it is of, where that is not the present: of a hypervisor that takes its samples itself. */
  readonly atMs?: number
  /** Samples of moments before this one that were not given yet, oldest first. */
  readonly earlier?: readonly Sample[]
}

export type DiskBackend = 'file' | 'block' | 'iscsi' | 'rbd' | 'nbd' | 'nfs' | 'lvm' | 'vmfs' | 'other'

export interface DiskFacts {
  readonly target: string
  /** Path, URL or volume that backs it; empty for an empty drive. */
  readonly source: string
  readonly backend: DiskBackend
  /** `iscsi:<iqn>`, `rbd:<fsid>/<pool>`, `nbd:<host>:<port>`, `nfs:<host>:<path>`, `lvm:<vg-uuid>` or `local:<hostId>:<serial>`. */
  readonly arrayKey: string
  readonly unit?: string
  readonly capacityBytes?: number
  readonly allocationBytes?: number
  readonly readOnly: boolean
  readonly removable: boolean
  readonly format?: string
  readonly cache?: string
  readonly bus?: string
  readonly serial?: string
}

export interface NicFacts {
  readonly device: string
  readonly mac: string
  readonly network?: string
  readonly model?: string
}

export interface VmMetadata {
  readonly owner?: string
  readonly group?: string
  readonly service?: string
  readonly title?: string
  readonly description?: string
}

export interface VmFacts {
  readonly uuid: string
  readonly name: string
  readonly vcpus: number
  readonly memoryMaxBytes: number
  readonly disks: readonly DiskFacts[]
  readonly nics: readonly NicFacts[]
  readonly autostart?: boolean
  readonly persistent?: boolean
  readonly osType?: string
  readonly metadata?: VmMetadata
  readonly definitionHash?: string
}

export interface LocalDiskFacts {
  readonly device: string
  readonly model: string
  readonly serial: string
  readonly sizeBytes: number
  readonly rotational?: boolean
}

export interface HostFacts {
  readonly name: string
  readonly hypervisorVersion: string
  readonly managementVersion?: string
  readonly os?: string
  readonly kernel?: string
  readonly machine?: string
  readonly cpuModel?: string
  readonly cpuCores?: number
  readonly cpuThreads?: number
  readonly cpuMhz?: number
  /** What the hypervisor manages (nodeinfo), not what an OS beside it sees. */
  readonly memoryBytes: number
  readonly numaNodes?: number
  readonly localDisks?: readonly LocalDiskFacts[]
}

export interface ArrayFacts {
  readonly key: string
  readonly name: string
  readonly kind: string
  readonly sizeBytes?: number
  readonly devices?: readonly string[]
  readonly calibration?: Calibration
}

/** What a ramp found out about an array's write cache, in bytes as hosts write them. Spreads are deviations of the logarithm. */
export interface Calibration {
  /** When it ended, milliseconds since 1970. */
  readonly atMs: number
  readonly capacityBytes: number
  readonly capacitySpread: number
  /** Of sequential writes. */
  readonly drainBytesPerSecond: number
  readonly drainSpread: number
}

export interface Inventory {
  readonly host: HostFacts
  readonly vms: readonly VmFacts[]
  readonly arrays: readonly ArrayFacts[]
}

export const eventKinds = [
  'defined',
  'undefined',
  'started',
  'suspended',
  'resumed',
  'stopped',
  'shutdown',
  'crashed',
  'balloon-changed',
  'hypervisor-lost',
  'hypervisor-back',
] as const
export type EventKind = (typeof eventKinds)[number]

export interface HypervisorEvent {
  readonly atMs: number
  readonly kind: EventKind
  readonly reason: VmStateReason
  /** Absent: the host itself. */
  readonly vmUuid?: string
  readonly vmName?: string
  readonly message?: string
}

/** Who this host is. Learnt once by connecting; stable over restarts of the agent. */
export interface HostIdentity {
  readonly hostId: string
  readonly name: string
  readonly kind: HostKind
  /** Changes when the machine boots. */
  readonly bootId: string
  readonly simulated: boolean
}

export interface SampleOptions {
  /** `block` only for VMs whose I/O moved since the last pass, and for those whose disks are on the network. The fast lane. */
  readonly onlyMoved?: boolean
  /**
   * The VMs are leaving this host, and this is their last word: it waits for a reading that is under way, rather than be left
   * out, and counts though a VM's process ends with its answer.
   */
  readonly isLast?: boolean
  /** Only these VMs; all if absent. */
  readonly vmUuids?: ReadonlySet<string>
}

/**
 * One hypervisor. Methods reject with `HypervisorUnavailable` while the connection is down; it comes back by itself and
 * says so with `hypervisor-back`. Every method ends soon after `signal` aborts.
 */
export interface Hypervisor {
  readonly identity: HostIdentity
  /**
   * The hypervisor takes samples at its own beat and keeps them for a while: a state pass brings all groups of those that are
   * new, and between them there is nothing to read: no fast lane, no reading after events.
   */
  readonly paced?: 'by-hypervisor'
  probe(signal: AbortSignal): Promise<readonly Capability[]>
  inventory(signal: AbortSignal): Promise<Inventory>
  /** Reads the groups for every VM, each under a deadline of its own; what fails becomes a gap, never an exception. */
  sample(groups: ReadonlySet<SampleGroup>, options: SampleOptions, signal: AbortSignal): Promise<Sample>
  /** What acts on its VMs; absent where nothing may, or nothing can. */
  readonly control?: VmControl | undefined
  /** Ends when `signal` aborts or the hypervisor is closed. A single consumer. */
  events(signal: AbortSignal): AsyncIterable<HypervisorEvent>
  close(): Promise<void>
}

/** A VM as it is now, read to act on it. */
export interface VmNow {
  readonly uuid: string
  readonly name: string
  readonly state: VmState
  readonly stateReason: VmStateReason
  /** Of this run; empty while it is off. */
  readonly runId: string
  readonly autostart: boolean
}

/**
 * Limits of one disk's I/O by libvirt's names of them (`write_bytes_sec`); 0: none. What the hypervisor does not know is left out.
 */
export type DiskLimits = Readonly<Record<string, number>>

export const powerActions = ['start', 'shutdown', 'reboot', 'reset', 'destroy', 'suspend', 'resume'] as const
export type PowerAction = (typeof powerActions)[number]

/**
 * What acts on the VMs of one hypervisor. A method that rejects with `ActionRefused` has done nothing; with any other error it is not known
 * whether the hypervisor did it.
 */
export interface VmControl {
  readonly verbs: ReadonlySet<VerbName>
  /** Why it does nothing else, for people: one line for all, and more of a verb where there is more to say. */
  readonly lacks?: { readonly all: string; readonly of: Readonly<Partial<Record<VerbName, string>>> }
  /** Undefined: it is not here. */
  look(vmUuid: string, signal: AbortSignal): Promise<VmNow | undefined>
  /** Resolves when it is done; `shutdown` and `reboot` when the guest was asked. */
  power(vmUuid: string, action: PowerAction, signal: AbortSignal): Promise<void>
  setAutostart(vmUuid: string, enabled: boolean, signal: AbortSignal): Promise<void>
  /** Parts that not every driver has; `verbs` says what can be asked for. */
  readonly disks?: DiskControl
  readonly sizes?: SizeControl
  readonly saving?: SaveControl
  readonly texts?: TextControl
  readonly definitions?: DefinitionControl
  readonly migration?: MigrationControl | undefined
}

export interface DiskControl {
  /** `cpu`: no disk can be limited here. There is one thing by the name of `cpu`, with the limit `cap_percent`: of one CPU. Absent: disks. */
  readonly holds?: 'cpu'
  /** Of a running VM, by the disks' names in the guest: those that can be limited. */
  limits(vmUuid: string, signal: AbortSignal): Promise<ReadonlyMap<string, DiskLimits>>
  /** All limits of one disk, for as long as this run lasts. */
  setLimits(vmUuid: string, disk: string, limits: DiskLimits, signal: AbortSignal): Promise<void>
}

/** Of a VM as it runs, or as its definition has it. */
export interface VmSizes {
  readonly memoryBytes: number
  readonly memoryMaxBytes: number
  readonly vcpus: number
  readonly vcpusMax: number
  /** How often the guest tells of its memory; 0: never. Absent: it has no balloon. */
  readonly statisticsSeconds?: number | undefined
}

export interface SizeControl {
  /** `live` while it runs; `next`: at its next start, if it is persistent. */
  sizes(
    vmUuid: string,
    signal: AbortSignal,
  ): Promise<{ readonly live: VmSizes | undefined; readonly next: VmSizes | undefined }>
  /** In this run if it runs, and in its definition if it is persistent. Resolves when the guest was asked. */
  setMemory(vmUuid: string, bytes: number, signal: AbortSignal): Promise<void>
  /** `maximum`: the most that it can have, which only its next start can change. */
  /** Why its host has not so much for it, where a hypervisor's guests hold all of their memory; undefined: it has. Absent: not known beforehand. */
  lacksRoom?(vmUuid: string, bytes: number, signal: AbortSignal): Promise<string | undefined>
  setVcpus(vmUuid: string, count: number, where: 'live' | 'next' | 'maximum', signal: AbortSignal): Promise<void>
  setStatisticsPeriod(vmUuid: string, seconds: number, signal: AbortSignal): Promise<void>
}

export interface SaveControl {
  /** Whether its next start goes on from a state that was saved. */
  hasSaved(vmUuid: string, signal: AbortSignal): Promise<boolean>
  /** Why nothing could go on from what would be saved now; undefined: nothing is known against it. */
  unrestorable(vmUuid: string, signal: AbortSignal): Promise<string | undefined>
  /** Saves what it holds in memory, and ends it. Goes on when the signal aborts: see `breakOff`. */
  save(vmUuid: string, progress: (done: WorkProgress) => void, signal: AbortSignal): Promise<void>
  /** Has the saving that is under way given up, and the VM go on as before. */
  breakOff(vmUuid: string, signal: AbortSignal): Promise<void>
}

export interface WorkProgress {
  readonly doneBytes: number
  readonly totalBytes: number
}

export interface DefinitionControl {
  /** As its next start will have it, with its secrets: enough to define it again. */
  whole(vmUuid: string, signal: AbortSignal): Promise<string>
  /** Of a VM that is off: the hypervisor forgets it. Its disks stay. */
  undefine(vmUuid: string, signal: AbortSignal): Promise<void>
}

/** A move under way. */
export interface MoveProgress extends WorkProgress {
  readonly remainingBytes: number
  /** How fast the guest changes its memory; undefined: not measured yet. */
  readonly dirtyBytesPerSecond: number | undefined
}

export interface MoveOptions {
  /** Name of the other host. */
  readonly to: string
  readonly bandwidthBytesPerSecond: number | undefined
  readonly autoConverge: boolean
}

export interface MigrationControl {
  /** Why nothing of this host may move to that one, by the agent's own configuration; undefined if it may. */
  refuses(to: string): string | undefined
  /**
   * Moves a running VM. When it resolves, the VM is off here and halted there: it never runs by itself on the other host, so that a lost answer
   * cannot make it run twice. Goes on when the signal aborts: see `breakOff`.
   */
  move(vmUuid: string, options: MoveOptions, progress: (done: MoveProgress) => void, signal: AbortSignal): Promise<void>
  /** Has the move that is under way given up, and the VM go on here. */
  breakOff(vmUuid: string, signal: AbortSignal): Promise<void>
  /** Whether the hypervisor is at work on it, moving it or otherwise. */
  isBusy(vmUuid: string, signal: AbortSignal): Promise<boolean>
  /** What of this definition speaks against its running here, and what was looked at. */
  reception(definition: string, signal: AbortSignal): Promise<readonly Verdict[]>
}

export interface TextControl {
  /** Its definition as the hypervisor says it, without secrets. */
  definition(vmUuid: string, signal: AbortSignal): Promise<string>
  /** The end of what it said on its console, at most so many bytes. Undefined: that is kept nowhere. */
  consoleLog(vmUuid: string, mostBytes: number, signal: AbortSignal): Promise<string | undefined>
}

/** The hypervisor was asked to act, and says that it did not. */
export class ActionRefused extends Error {
  override readonly name = 'ActionRefused'
}

/** The hypervisor cannot be reached now. */
export class HypervisorUnavailable extends Error {
  override readonly name = 'HypervisorUnavailable'
}

/** The hypervisor answers, and refuses us: polkit, permissions. Retrying does not help before a person acts. */
export class HypervisorDenied extends Error {
  override readonly name = 'HypervisorDenied'
}
