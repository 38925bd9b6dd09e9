import { takesVms, valueOf, type Host, type Metric, type Snapshot, type Vm } from '../model/snapshot.js'
import type { Policy } from '../model/policy.js'
import { reserveBytesFor } from '../policy/policy-index.js'
import type { PlacedVm } from './policy/place.js'

/** A VM that holds memory of a host. */
export interface Occupant {
  readonly uuid: string
  readonly name: string
  /** What it may grow to; where that is not known, what it has now; undefined where neither is. */
  readonly bytes: number | undefined
  readonly at: number | undefined
  /** It has a disk that only its host reaches. */
  readonly tied: boolean
}

/** By host id. */
export type Occupants = ReadonlyMap<string, readonly Occupant[]>

/** What is left of a host's memory, or why that cannot be said. */
export type Balance =
  | {
      /** memory − reserve − configured; negative: the VMs reach into the reserve. */
      readonly spareBytes: number
      /** New VMs of the policy's size that fit. */
      readonly room: number
      /** What is missing for one VM more than `room`; above 0. */
      readonly shortOfNextBytes: number
    }
  | { readonly absent: string }

/** The memory of one host: installed − reserve − configured = spare. */
export interface MemoryLedger {
  /** What the hypervisor manages, with its source and moment. */
  readonly memory: Metric
  /** Kept for the hypervisor itself, by policy. */
  readonly reserveBytes: number
  /** Sum over the VMs that hold memory, as far as known. */
  readonly configuredBytes: number
  /** Moment of the oldest figure in that sum. */
  readonly configuredAt: number | undefined
  readonly balance: Balance
  readonly occupants: readonly Occupant[]
}

/** Ledgers of all hosts, by host id. */
export function memoryLedgers(
  { hosts }: Pick<Snapshot, 'hosts'>,
  policy: Policy,
  occupants: Occupants,
): ReadonlyMap<string, MemoryLedger> {
  return new Map(Array.from(hosts.values(), (host) => [host.id, ledgerOf(host, occupants.get(host.id) ?? [], policy)]))
}

/**
 * Notes which VMs hold memory of which hosts. A VM that runs on two hosts (a doubled one, or the end of a migration) holds memory of both.
 */
export class Occupancy {
  readonly #byHost = new Map<string, Occupant[]>()

  constructor(private readonly placements: Snapshot['placements']) {}

  get occupants(): Occupants {
    return this.#byHost
  }

  add({ vm, place: { active, tied } }: PlacedVm): void {
    const runningOn = this.placements.get(vm.uuid)?.runningOn ?? []
    const isThere = active && !runningOn.includes(vm.hostId)
    if (runningOn.length === 0 && !isThere) return
    const occupant = occupantOf(vm, tied)
    for (const hostId of runningOn) this.#put(hostId, occupant)
    if (isThere) this.#put(vm.hostId, occupant)
  }

  #put(hostId: string, occupant: Occupant): void {
    const list = this.#byHost.get(hostId)
    if (list === undefined) this.#byHost.set(hostId, [occupant])
    else list.push(occupant)
  }
}

function occupantOf({ uuid, name, metrics }: Vm, tied: boolean): Occupant {
  const limit = metrics['memoryMaxBytes']
  const metric = valueOf(limit) === undefined ? metrics['memoryBytes'] : limit
  const known = metric !== undefined && 'value' in metric ? metric : undefined
  return { uuid, name, bytes: known?.value, at: known?.at, tied }
}

function ledgerOf(host: Host, occupants: readonly Occupant[], policy: Policy): MemoryLedger {
  const reserveBytes = takesVms(host) ? reserveBytesFor(policy, host.name) : 0
  let configuredBytes = 0
  let configuredAt: number | undefined
  for (const { bytes, at } of occupants) {
    configuredBytes += bytes ?? 0
    if (at !== undefined && (configuredAt === undefined || at < configuredAt)) configuredAt = at
  }
  return {
    memory: host.memoryBytes,
    reserveBytes,
    configuredBytes,
    configuredAt,
    balance: takesVms(host)
      ? balanceOf(host.memoryBytes, reserveBytes + configuredBytes, occupants, policy.limits.vmMemoryBytes)
      : { absent: 'a storage server is no place for VMs' },
    occupants,
  }
}

function balanceOf(memory: Metric, takenBytes: number, occupants: readonly Occupant[], vmMemoryBytes: number): Balance {
  if (!('value' in memory)) return { absent: `memory of the host: ${memory.absent}` }
  const unknown = occupants.find(({ bytes }) => bytes === undefined)
  if (unknown !== undefined) return { absent: `memory of the VM ${unknown.name} is not known` }
  const spareBytes = memory.value - takenBytes
  const room = Math.max(0, Math.floor(spareBytes / vmMemoryBytes))
  return { spareBytes, room, shortOfNextBytes: (room + 1) * vmMemoryBytes - spareBytes }
}
