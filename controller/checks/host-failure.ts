import { takesVms, type Host, type Snapshot } from '../model/snapshot.js'
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
  /** The same for those VMs alone that can start elsewhere: none of their disks is on storage of this host alone. */
  readonly restartable: {
    readonly neededBytes: number
    readonly fits: boolean
    readonly unplaced: readonly string[]
  }
  /** VMs with a disk on storage of this host alone: lost with it until its disks are moved. */
  readonly lost: {
    readonly bytes: number
    /** Names, largest first. */
    readonly names: readonly string[]
  }
}

/** Spare memory of the hosts that can take VMs of one hypervisor. */
interface Spares {
  /** Of each such host, ascending. */
  readonly bytes: number[]
  totalBytes: number
}

/** What a failure of each single host would mean, by host id. Memory, equal hypervisors and local disks only: no rules of apartness. */
export function hostFailures(
  snapshot: Pick<Snapshot, 'hosts'>,
  ledgers: ReadonlyMap<string, MemoryLedger>,
): ReadonlyMap<string, HostFailure> {
  const spares = sparesByHypervisor(snapshot, ledgers)
  const none: Spares = { bytes: [], totalBytes: 0 }
  return new Map(
    Array.from(snapshot.hosts.values(), (host) => {
      const ledger = ledgers.get(host.id)
      const equal = spares.get(hypervisorOf(host) ?? '') ?? none
      return [host.id, failureOf(ledger?.occupants ?? [], equal, spareToOthers(host, ledger))]
    }),
  )
}

/** Hosts that VMs can move between have the same one. Undefined where the version is not known: such a host equals no other. */
export function hypervisorOf(host: Host): string | undefined {
  return host.hypervisorVersion === '' || !takesVms(host) ? undefined : `${host.kind} ${host.hypervisorVersion}`
}

/** What a host can take in of others: nothing unless it is up and its version and figures are known. */
function spareToOthers(host: Host, ledger: MemoryLedger | undefined): number {
  if (host.status !== 'up' || hypervisorOf(host) === undefined) return 0
  if (ledger === undefined || 'absent' in ledger.balance) return 0
  return Math.max(0, ledger.balance.spareBytes)
}

function sparesByHypervisor(
  snapshot: Pick<Snapshot, 'hosts'>,
  ledgers: ReadonlyMap<string, MemoryLedger>,
): ReadonlyMap<string, Spares> {
  const groups = new Map<string, Spares>()
  for (const host of snapshot.hosts.values()) {
    const hypervisor = hypervisorOf(host)
    const bytes = spareToOthers(host, ledgers.get(host.id))
    if (hypervisor === undefined || bytes === 0) continue
    const group = groups.get(hypervisor) ?? { bytes: [], totalBytes: 0 }
    group.bytes.push(bytes)
    group.totalBytes += bytes
    groups.set(hypervisor, group)
  }
  for (const { bytes } of groups.values()) bytes.sort((a, b) => a - b)
  return groups
}

/** @param equal hosts of the same hypervisor, the failed one with its `ownBytes` among them */
function failureOf(occupants: readonly Occupant[], equal: Spares, ownBytes: number): HostFailure {
  const tied = occupants.filter((one) => one.tied)
  const free = tied.length === 0 ? occupants : occupants.filter((one) => !one.tied)
  const unplaced = unplacedOf(occupants, equal, ownBytes)
  const unplacedFree = tied.length === 0 ? unplaced : unplacedOf(free, equal, ownBytes)
  const neededBytes = bytesOf(occupants)
  return {
    neededBytes,
    freeBytes: equal.totalBytes - ownBytes,
    fits: unplaced.length === 0,
    unplaced,
    restartable: {
      neededBytes: tied.length === 0 ? neededBytes : bytesOf(free),
      fits: unplacedFree.length === 0,
      unplaced: unplacedFree,
    },
    lost: { bytes: bytesOf(tied), names: largestFirst(tied).map(({ name }) => name) },
  }
}

function unplacedOf(occupants: readonly Occupant[], { bytes, totalBytes }: Spares, ownBytes: number): string[] {
  const otherHosts = bytes.length - (ownBytes > 0 ? 1 : 0)
  if (surelyFit(occupants, otherHosts, totalBytes - ownBytes)) return []
  const others = [...bytes]
  if (ownBytes > 0) others.splice(firstAtLeast(others, ownBytes), 1)
  return pack(occupants, others)
}

/**
 * Whether packing can only succeed, so that it need not be done. A VM finds no place only where every host has less left than it needs. At
 * least what was free less all other VMs is left; if that is the largest VM once for each host, no VM can be too large for all of them.
 */
function surelyFit(occupants: readonly Occupant[], hosts: number, freeBytes: number): boolean {
  let neededBytes = 0
  let largestBytes = 0
  for (const { bytes } of occupants) {
    if (bytes === undefined) return false
    neededBytes += bytes
    largestBytes = Math.max(largestBytes, bytes)
  }
  return freeBytes - (neededBytes - largestBytes) >= hosts * largestBytes && hosts > 0
}

function bytesOf(occupants: readonly Occupant[]): number {
  return occupants.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0)
}

function largestFirst(occupants: readonly Occupant[]): Occupant[] {
  return occupants.toSorted((a, b) => (b.bytes ?? Infinity) - (a.bytes ?? Infinity))
}

/**
 * Best-fit decreasing: the largest VM first, each into the smallest space that takes it. Conservative: what it packs does fit; where it
 * fails, another order might still have packed everything.
 * @param free spare memory of each host, ascending; used up
 * @returns names of the VMs without a place
 */
function pack(occupants: readonly Occupant[], free: number[]): string[] {
  const unplaced: string[] = []
  for (const { name, bytes } of largestFirst(occupants)) {
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
