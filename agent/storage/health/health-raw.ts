/**
 * Health of a machine's own storage as collectors read it. As everywhere: an absent property was not read or cannot be, and is never 0.
 * Words of states are those of the source, in lower case; what they mean is for others to judge.
 */

export type HealthSourceName = keyof HealthItems

export interface MdArrayRaw {
  readonly device: string
  /** Empty while it is not assembled; `container` for what only holds the metadata of others. */
  readonly level: string
  readonly state: string
  /** Devices that it should have, and those of them that are in sync; absent for levels without redundancy. */
  readonly devices?: number
  readonly inSyncDevices?: number
  readonly members: readonly { readonly device: string; readonly state: string }[]
  /** `resync`, `recover`, `check`, `repair`, `reshape`; absent: none. */
  readonly syncAction?: string
  readonly syncFraction?: number
  readonly syncBytesPerSecond?: number
  /** It waits for its turn. */
  readonly syncPending: boolean
  readonly sizeBytes?: number
}

export interface VirtualDriveRaw {
  readonly id: string
  readonly name: string
  readonly level: string
  readonly state: string
  /** `write-back`, `write-back-always` (without a battery too) or `write-through`: now, and as configured. */
  readonly writeCache?: string
  readonly writeCacheConfigured?: string
  /** The device that the system has it as: `sda`. Not on the wire. */
  readonly osDevice?: string
  /** By which SCSI knows it, in hexadecimal digits. Not on the wire. */
  readonly naaId?: string
}

export interface PhysicalDriveRaw {
  readonly id: string
  readonly model: string
  readonly state: string
  readonly rebuildFraction?: number
  readonly mediaErrors?: number
  readonly predictedFailures?: number
  readonly smartAlert?: boolean
}

export interface RaidControllerRaw {
  readonly number: number
  readonly model: string
  readonly serial: string
  readonly status: string
  readonly battery?: { readonly kind: 'bbu' | 'cachevault'; readonly state: string }
  readonly virtualDrives: readonly VirtualDriveRaw[]
  readonly physicalDrives: readonly PhysicalDriveRaw[]
}

export interface DiskHealthRaw {
  /** Without /dev/; with the type where one path leads to many: `bus/0 megaraid,8`. */
  readonly device: string
  readonly model: string
  readonly serial: string
  /** The disk's own verdict. */
  readonly passed?: boolean
  readonly reallocatedSectors?: number
  readonly pendingSectors?: number
  readonly uncorrectableSectors?: number
  readonly mediaErrors?: number
  /** Of its rated life; may pass 1. */
  readonly usedFraction?: number
  readonly spareFraction?: number
  readonly spareThresholdFraction?: number
  readonly criticalWarning?: number
  readonly temperatureCelsius?: number
  readonly powerOnHours?: number
  /** It was left asleep: the figures are those of when it last was awake. */
  readonly asleep: boolean
  /** Why it could not be read: the figures are those of before. */
  readonly problem?: string
}

export interface StoragePoolRaw {
  /** `vg0`, `vg0/thin`. */
  readonly name: string
  readonly kind: 'volume-group' | 'thin-pool'
  readonly sizeBytes?: number
  readonly freeBytes?: number
  readonly dataFraction?: number
  readonly metadataFraction?: number
  readonly missingDevices?: number
}

/** What each source tells of. */
export interface HealthItems {
  readonly md: readonly MdArrayRaw[]
  readonly 'raid-controller': readonly RaidControllerRaw[]
  readonly smart: readonly DiskHealthRaw[]
  readonly lvm: readonly StoragePoolRaw[]
}

export interface SourceStatusRaw {
  readonly name: HealthSourceName
  /** `not-here`: it cannot be read on this machine. `failed`: it should have been; its items are those of before. */
  readonly state: 'read' | 'not-here' | 'failed'
  /** Why not; empty if it was read. */
  readonly reason: string
  /** When its items were read, wall clock, milliseconds; absent: never. */
  readonly readAtMs?: number
}

export interface StorageHealthRaw {
  readonly sources: readonly SourceStatusRaw[]
  readonly items: HealthItems
}
