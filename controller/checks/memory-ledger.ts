import { takesVms, valueOf, type Host, type Metric, type Snapshot, type Vm } from '../model/snapshot.js'
import type { Policy } from '../model/policy.js'
import { reserveBytesFor } from '../policy/policy-index.js'
import type { Place } from './policy/place.js'

/** A VM that holds memory of a host. */
export interface Occupant {
  readonly uuid: string
  readonly name: string
  /** What it may grow to; where that is not known, what it has now; undefined where neither is. */
  readonly bytes: number | undefined
  /** It has a disk that only its host reaches. */
  readonly tied: boolean
}

/** Who holds memory of a host. */
interface Held {
  readonly occupants: readonly Occupant[]
  /** Moment of the oldest of their figures. */
  readonly at: number | undefined
}

/** By host id. */
export type Occupants = ReadonlyMap<string, Held>

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
  return new Map(
    Array.from(hosts.values(), (host) => [host.id, ledgerOf(host, occupants.get(host.id) ?? nobody, policy)]),
  )
}

const nobody: Held = { occupants: [], at: undefined }

interface HeldSoFar extends Held {
  readonly occupants: Occupant[]
  at: number | undefined
}

/**
 * Notes which VMs hold memory of which hosts. A VM that runs on two hosts (a doubled one, or the end of a migration) holds memory of both.
 */
export class Occupancy {
  readonly #byHost = new Map<string, HeldSoFar>()

  constructor(private readonly placements: Snapshot['placements']) {}

  get occupants(): Occupants {
    return this.#byHost
  }

  add({ uuid, hostId, metrics }: Vm, { active, occupant }: Place): void {
    const runningOn = this.placements.get(uuid)?.runningOn ?? nowhere
    const isThere = active && !runningOn.includes(hostId)
    if (runningOn.length === 0 && !isThere) return
    const isLimited = occupant.bytes !== undefined
    const metric = metrics[isLimited ? 'memoryMaxBytes' : 'memoryBytes']
    const at = metric !== undefined && 'value' in metric ? metric.at : undefined
    const one = isLimited ? occupant : { ...occupant, bytes: valueOf(metric) }
    for (const id of runningOn) this.#put(id, one, at)
    if (isThere) this.#put(hostId, one, at)
  }

  #put(hostId: string, occupant: Occupant, at: number | undefined): void {
    const held = this.#byHost.get(hostId)
    if (held === undefined) this.#byHost.set(hostId, { occupants: [occupant], at })
    else {
      held.occupants.push(occupant)
      if (at !== undefined && (held.at === undefined || at < held.at)) held.at = at
    }
  }
}

const nowhere: readonly string[] = []

function ledgerOf(host: Host, { occupants, at: configuredAt }: Held, policy: Policy): MemoryLedger {
  const reserveBytes = takesVms(host) ? reserveBytesFor(policy, host.name) : 0
  let configuredBytes = 0
  for (const { bytes } of occupants) configuredBytes += bytes ?? 0
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
