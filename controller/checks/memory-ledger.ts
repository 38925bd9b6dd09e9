import { occupiesMemory, takesVms, valueOf, type Host, type Metric, type Snapshot, type Vm } from '../model/snapshot.js'
import type { Policy } from '../model/policy.js'
import { reserveBytesFor } from '../policy/policy-index.js'

/** A VM that holds memory of a host. */
export interface Occupant {
  readonly uuid: string
  readonly name: string
  /** What it may grow to; where that is not known, what it has now; undefined where neither is. */
  readonly bytes: number | undefined
  readonly at: number | undefined
}

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

/** Ledgers of all hosts, by host id. A VM that runs on two hosts (a doubled one, or the end of a migration) holds memory of both. */
export function memoryLedgers(snapshot: Snapshot, policy: Policy): ReadonlyMap<string, MemoryLedger> {
  const occupants = occupantsByHost(snapshot)
  return new Map(
    Array.from(snapshot.hosts.values(), (host) => [host.id, ledgerOf(host, occupants.get(host.id) ?? [], policy)]),
  )
}

function occupantsByHost(snapshot: Snapshot): ReadonlyMap<string, Occupant[]> {
  const byHost = new Map<string, Occupant[]>()
  const add = (hostId: string, occupant: Occupant): void => {
    const list = byHost.get(hostId)
    if (list === undefined) byHost.set(hostId, [occupant])
    else list.push(occupant)
  }
  for (const vm of snapshot.vms.values()) {
    const runningOn = snapshot.placements.get(vm.uuid)?.runningOn ?? []
    const isThere = occupiesMemory(vm.state) && !runningOn.includes(vm.hostId)
    if (runningOn.length === 0 && !isThere) continue
    const occupant = occupantOf(vm)
    for (const hostId of runningOn) add(hostId, occupant)
    if (isThere) add(vm.hostId, occupant)
  }
  return byHost
}

function occupantOf(vm: Vm): Occupant {
  const limit = vm.metrics['memoryMaxBytes']
  const metric = valueOf(limit) === undefined ? vm.metrics['memoryBytes'] : limit
  const known = metric !== undefined && 'value' in metric ? metric : undefined
  return { uuid: vm.uuid, name: vm.name, bytes: known?.value, at: known?.at }
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
