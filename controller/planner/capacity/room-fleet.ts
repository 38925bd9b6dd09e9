/**
 * A fleet as the count of rooms sees it: what hosts give, what VMs take, and who may start where. Hosts and VMs are indices, memory and disk bytes.
 */
export interface RoomFleet {
  /** Names. */
  readonly hosts: readonly string[]
  readonly vms: readonly string[]
  /** Host of each VM. */
  readonly start: Int32Array
  readonly resources: readonly Resource[]
  /** 1: a new VM may be put there. */
  readonly takesNew: Uint8Array
  /** Whether a VM starts again on `to` when its host is lost. What starts nowhere is lost with its host. */
  readonly restarts: (vm: number, to: number) => boolean
  /** The same of a new VM that was put on `from`. */
  readonly newRestarts: (from: number, to: number) => boolean
  /** Whether a VM can be brought there while its host is well, its disks copied if need be. */
  readonly moves: (vm: number, to: number) => boolean
  /** By host: memory that VMs do not get, and virtual CPUs that a core may carry. */
  readonly reserveBytes: Float64Array
  readonly vcpusPerCore: Float64Array
}

export interface Resource {
  readonly name: 'memory' | 'vcpus' | 'disk'
  /** By host: what all VMs together may take there; infinite where there is no limit. */
  readonly most: Float64Array
  /** By VM. */
  readonly use: Float64Array
  /** Of one new VM. */
  readonly perNew: number
}

/** What a new VM takes. */
export interface Profile {
  readonly memoryBytes: number
  readonly vcpus: number
  /** On local disks; 0: on storage that hosts share. */
  readonly localDiskBytes: number
}
