/**
 * What agents tell, after validation: the only input of the fleet's state. Times are on the controller's clock,
 * milliseconds since the epoch. Totals are numbers, exact to 2^53; an absent property was not read.
 */
import type {
  BusyProcess,
  Calibration,
  Capability,
  FileSystem,
  Gap,
  HypervisorKind,
  LocalDisk,
  StorageHealth,
  UnreadFileSystem,
  VmState,
  WriteCache,
} from './snapshot.js'

export interface HostHello {
  readonly hostId: string
  readonly name: string
  readonly kind: HypervisorKind
  readonly bootId: string
  readonly simulated: boolean
  readonly capabilities: readonly Capability[]
}

export interface DiskFacts {
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
}

export interface NicFacts {
  readonly device: string
  readonly mac: string
  readonly network: string
  readonly model: string
}

export interface VmFacts {
  readonly uuid: string
  readonly name: string
  readonly vcpus: number | undefined
  readonly memoryMaxBytes: number | undefined
  readonly disks: readonly DiskFacts[]
  readonly nics: readonly NicFacts[]
  readonly autostart: boolean | undefined
  readonly osType: string
  readonly owner: string
  readonly group: string
  readonly service: string
  readonly title: string
}

export interface ArrayFacts {
  readonly key: string
  readonly name: string
  readonly kind: string
  readonly sizeBytes: number | undefined
  readonly calibration?: Calibration | undefined
}

export interface InventoryObservation {
  readonly hostId: string
  readonly revision: string
  readonly at: number
  readonly host: {
    readonly name: string
    readonly hypervisorVersion: string
    readonly managementVersion: string
    readonly os: string
    readonly kernel: string
    readonly machine: string
    readonly cpuModel: string
    readonly cpuCores: number | undefined
    readonly cpuThreads: number | undefined
    readonly cpuMhz: number | undefined
    readonly memoryBytes: number | undefined
    readonly localDisks: readonly LocalDisk[]
  }
  readonly vms: readonly VmFacts[]
  readonly arrays: readonly ArrayFacts[]
}

/** Running totals by name; the names are those of the wire, as in `controller/fleet/readings.ts`. */
export type Totals = Readonly<Partial<Record<string, number>>>

export interface DiskObservation {
  readonly target: string
  readonly totals: Totals
}

export interface NicObservation {
  readonly device: string
  readonly totals: Totals
}

export interface VmObservation {
  readonly uuid: string
  readonly runId: string
  readonly at: number
  readonly state: VmState | undefined
  readonly stateReason: string
  readonly vcpus: number | undefined
  readonly totals: Totals
  /** Levels that are no totals: memory sizes, by field name of the measurement. */
  readonly levels: Readonly<Partial<Record<string, number>>>
  /** When the guest gave its memory figures. */
  readonly guestMemoryAt: number | undefined
  readonly disks: readonly DiskObservation[]
  readonly nics: readonly NicObservation[]
}

export interface HostDiskObservation {
  readonly device: string
  readonly totals: Totals
}

export interface HostObservation {
  /** Changes when the totals begin anew without a boot; empty where only a boot does that. */
  readonly runId: string
  readonly totals: Totals
  readonly levels: Readonly<Partial<Record<string, number>>>
  readonly disks: readonly HostDiskObservation[]
  readonly networks: readonly NicObservation[]
  readonly fileSystems: readonly FileSystem[]
  readonly busyProcesses?: readonly BusyProcess[] | undefined
  readonly unreadFileSystems: readonly UnreadFileSystem[]
}

export interface ArrayObservation {
  readonly key: string
  /** Changes when the totals are of other devices than before. */
  readonly runId: string
  /** As the controller's tool of it says; undefined where nothing does. */
  readonly writeCache?: WriteCache | undefined
  readonly totals: Totals
  readonly levels: Readonly<Partial<Record<string, number>>>
}

/** What a session of an initiator did to a LUN that the host exports, since it began. */
export interface ExportObservation {
  readonly arrayKey: string
  readonly lun: string
  readonly session: string
  readonly initiator: string
  readonly address: string
  readonly backing: string
  readonly totals: Totals
  readonly inFlight: number | undefined
}

export interface EventObservation {
  readonly at: number
  readonly vmUuid: string
  readonly vmName: string
  readonly kind: string
  readonly reason: string
  readonly message: string
}

export interface AgentHealth {
  readonly cpuSeconds: number | undefined
  readonly rssBytes: number | undefined
  readonly spoolReports: number
  readonly droppedReports: number
  readonly skippedTicks: number
}

export interface ReportObservation {
  readonly spoolId: string
  readonly seq: number
  readonly hostId: string
  readonly bootId: string
  readonly at: number
  readonly lane: 'state' | 'fast' | 'event'
  readonly gaps: readonly Gap[]
  readonly host: HostObservation | undefined
  readonly vms: readonly VmObservation[]
  readonly arrays: readonly ArrayObservation[]
  /** Of a storage server; absent: not told in this report. */
  readonly exports?: readonly ExportObservation[] | undefined
  /** Arrays are told of in other reports than this one. */
  readonly arraysApart?: boolean
  readonly collectors: readonly {
    readonly name: string
    readonly durationSeconds: number
    readonly success: boolean
    readonly error: string
  }[]
  readonly events: readonly EventObservation[]
  readonly agent: AgentHealth | undefined
  /** Absent from most reports. */
  readonly storageHealth?: StorageHealth
}

/** Everything that changes the fleet's state. */
export type FleetInput =
  | {
      readonly type: 'agent-connected'
      readonly agentId: string
      readonly name: string
      readonly version: string
      readonly hosts: readonly HostHello[]
      readonly clockOffsetMs: number
      /** The spool of its present reports. */
      readonly spoolId?: string
      /** Its spools that hold reports of earlier. */
      readonly backlog?: readonly string[]
      /** Reports that it has dropped since it started. */
      readonly droppedReports?: number
    }
  | { readonly type: 'agent-disconnected'; readonly agentId: string }
  /** It speaks for nothing any more, and never again. */
  | { readonly type: 'agent-revoked'; readonly agentId: string }
  | { readonly type: 'inventory'; readonly agentId: string; readonly inventory: InventoryObservation }
  | {
      readonly type: 'report'
      readonly agentId: string
      readonly report: ReportObservation
      /** From the backlog: it goes to its own time and says nothing of the present. */
      readonly isLate?: boolean
    }
  /** Time passes: hosts that said nothing for `silentAfterMs` become silent. */
  | { readonly type: 'tick'; readonly silentAfterMs: number }
