import type { Host, Snapshot } from '../model/snapshot.js'
import type { MemoryLedger, Occupant } from './memory-ledger.js'

/** Whether the VMs of one host would find a place if it failed. */
export interface HostFailure {
  /** Memory of all its VMs, those on local disks included, as far as known. */
  readonly neededBytes: number
  /** Spare memory of the other hosts that are up and run the same hypervisor in the same version. */
  readonly freeBytes: number
  /** True if every VM was packed into some host's spare memory; false where a VM's memory is not known. */
  readonly fits: boolean
  /** Names of the VMs that found no place, largest first. */
  readonly unplaced: readonly string[]
}

interface Target {
  readonly hostId: string
  readonly spareBytes: number
}

/** What a failure of each single host would mean, by host id. Memory and equal hypervisors only: no storage, no rules of apartness. */
export function hostFailures(
  snapshot: Snapshot,
  ledgers: ReadonlyMap<string, MemoryLedger>,
): ReadonlyMap<string, HostFailure> {
  const targets = targetsByHypervisor(snapshot, ledgers)
  return new Map(
    Array.from(snapshot.hosts.values(), (host) => {
      const equal = targets.get(hypervisorOf(host) ?? '') ?? []
      const spares = equal.filter(({ hostId }) => hostId !== host.id).map(({ spareBytes }) => spareBytes)
      return [host.id, failureOf(ledgers.get(host.id)?.occupants ?? [], spares)]
    }),
  )
}

/** Hosts that VMs can move between have the same one. Undefined where the version is not known: such a host equals no other. */
function hypervisorOf(host: Host): string | undefined {
  return host.hypervisorVersion === '' ? undefined : `${host.kind} ${host.hypervisorVersion}`
}

/** Hosts that can take a VM, by hypervisor, least spare memory first. */
function targetsByHypervisor(
  snapshot: Snapshot,
  ledgers: ReadonlyMap<string, MemoryLedger>,
): ReadonlyMap<string, Target[]> {
  const groups = new Map<string, Target[]>()
  for (const host of snapshot.hosts.values()) {
    const hypervisor = hypervisorOf(host)
    const balance = ledgers.get(host.id)?.balance
    if (host.status !== 'up' || hypervisor === undefined || balance === undefined) continue
    if ('absent' in balance || balance.spareBytes <= 0) continue
    const target = { hostId: host.id, spareBytes: balance.spareBytes }
    const group = groups.get(hypervisor)
    if (group === undefined) groups.set(hypervisor, [target])
    else group.push(target)
  }
  for (const group of groups.values()) group.sort((a, b) => a.spareBytes - b.spareBytes)
  return groups
}

function failureOf(occupants: readonly Occupant[], spares: readonly number[]): HostFailure {
  const neededBytes = occupants.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0)
  const freeBytes = spares.reduce((sum, bytes) => sum + bytes, 0)
  const unplaced = pack(occupants, spares)
  return { neededBytes, freeBytes, fits: unplaced.length === 0, unplaced }
}

/**
 * Best-fit decreasing: the largest VM first, each into the smallest space that takes it. Conservative: what it packs does fit; where it
 * fails, another order might still have packed everything.
 * @param spares ascending
 * @returns names of the VMs without a place
 */
function pack(occupants: readonly Occupant[], spares: readonly number[]): string[] {
  const free = [...spares]
  const unplaced: string[] = []
  for (const { name, bytes } of occupants.toSorted((a, b) => (b.bytes ?? Infinity) - (a.bytes ?? Infinity))) {
    const at = bytes === undefined ? free.length : firstAtLeast(free, bytes)
    const [space] = free.splice(at, 1)
    if (bytes === undefined || space === undefined) unplaced.push(name)
    else free.splice(firstAtLeast(free, space - bytes), 0, space - bytes)
  }
  return unplaced
}

/** Index of the first number of an ascending list that is not below `least`; its length if there is none. */
function firstAtLeast(ascending: readonly number[], least: number): number {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ascending[middle] ?? Infinity) < least) low = middle + 1
    else high = middle
  }
  return low
}
