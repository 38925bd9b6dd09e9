import type { EventLabel } from '../event-labels.js'
import type { HypervisorKind } from './hypervisor-kinds.js'

/** What guests of a simulated fleet do: their habits are the simulation's. */
export const profileNames = ['idle', 'mail', 'web', 'batch', 'backup', 'fsck', 'runaway'] as const
export type ProfileName = (typeof profileNames)[number]

/** A fleet file after validation: plain data, bytes and milliseconds, every default filled in. */
export interface FleetSpec {
  /** Part of every id that is made up, so that two fleets never share one. */
  readonly name: string
  readonly seed: number
  /** Local time of the fleet's users minus UTC; their day decides when mail, web and backups are busy. */
  readonly utcOffsetHours: number
  readonly hosts: readonly HostSpec[]
  readonly arrays: readonly ArraySpec[]
  readonly vms: readonly VmSpec[]
  /** Ascending by time. */
  readonly timeline: readonly TimelineEvent[]
  /** Of what happens: what somebody must act on. Times count from the start of the world. */
  readonly labels: readonly EventLabel[]
  /** Primary and secondary of one service: for the rules, and for the VMs' metadata. */
  readonly services: readonly { readonly name: string; readonly members: readonly string[] }[]
  /** VMs that belong on different hosts. */
  readonly apart: readonly (readonly string[])[]
  /** Class of each group. */
  readonly classes: Readonly<Record<string, string>>
  readonly exceptions: readonly {
    readonly vm: string | undefined
    readonly host: string | undefined
    readonly rule: string
    readonly reason: string
  }[]
  readonly policy: { readonly vmMemoryBytes: number; readonly hostReserveBytes: number }
}

export interface HostSpec {
  readonly name: string
  readonly kind: HypervisorKind
  readonly cores: number
  readonly threads: number
  readonly mhz: number
  readonly memoryBytes: number
  readonly version: string
  readonly os: string
  readonly role: string
  readonly machine: string | undefined
  readonly cpuModel: string | undefined
  /** Empty: one disk of unknown size. */
  readonly localDisksBytes: readonly number[]
  readonly sataSlots: number | undefined
}

export interface ArraySpec {
  readonly name: string
  readonly kind: 'iscsi'
  readonly raid: number | undefined
  readonly sizeBytes: number
  /** Names of the hosts that see it. */
  readonly hosts: readonly string[]
  readonly cacheMode: 'write-back' | 'write-through'
  readonly writeCacheBytes: number
  /** How fast the cache empties onto the disks. */
  readonly drainBytesPerSecond: number
  /** How fast it writes with the cache off. */
  readonly writeThroughBytesPerSecond: number
  /** It stalls altogether when several heavy users keep its cache full. */
  readonly freezes: boolean
}

export interface VmSpec {
  readonly name: string
  readonly host: string
  readonly group: string
  readonly owner: string | undefined
  readonly vcpus: number
  readonly memoryBytes: number
  /** `local`, or the name of an array. */
  readonly storage: string
  readonly diskBytes: number
  readonly profile: ProfileName
  readonly running: boolean
  readonly autostart: boolean
}

/** What happens to a VM, and how it shows: see vm-life.ts. */
export const vmEventNames = ['start', 'shutdown', 'destroy', 'crash', 'kill'] as const
export type VmEventName = (typeof vmEventNames)[number]

/** `atMs` counts from the start of the world. */
export type TimelineEvent =
  | { readonly atMs: number; readonly event: VmEventName; readonly vm: string }
  | { readonly atMs: number; readonly event: 'migrate'; readonly vm: string; readonly to: string }
  | { readonly atMs: number; readonly event: 'profile'; readonly vm: string; readonly profile: ProfileName }
  | { readonly atMs: number; readonly event: 'host-lost' | 'host-back'; readonly host: string }
  /** The host itself does on an array what a VM of the profile would, until it does something else or nothing, or is lost. */
  | {
      readonly atMs: number
      readonly event: 'host-job'
      readonly host: string
      readonly array: string
      readonly profile: ProfileName
    }
  | { readonly atMs: number; readonly event: 'host-job-end'; readonly host: string; readonly array: string }
  /** The array answers nobody for so long. */
  | { readonly atMs: number; readonly event: 'freeze'; readonly array: string; readonly forMs: number }
  /** Something writes to the host's own file system until that is full, the host is lost, or somebody cleans up. */
  | { readonly atMs: number; readonly event: 'fill'; readonly host: string; readonly bytesPerSecond: number }
  | { readonly atMs: number; readonly event: 'clean'; readonly host: string }
