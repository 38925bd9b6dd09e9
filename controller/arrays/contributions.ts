import { isRunning, type Disk, type Exchanged, type Snapshot, type StorageArray } from '../model/snapshot.js'
import type { Served } from './served.js'

/** What one user of a box did there so far: a VM by its disks, or a host by its own counters, its VMs included. */
export interface Contribution {
  /** UUID of the VM, or id of the host. */
  readonly id: string
  readonly kind: 'vm' | 'host'
  readonly name: string
  /** Where the VM runs, or the host. */
  readonly hostId: string
  /** When it was read, in milliseconds since 1970: the same as before if nothing was told since. */
  readonly at: number
  /** The disks, or the arrays, that the totals are of. */
  readonly of: string
  readonly totals: Exchanged
}

type Draft = { -readonly [Name in keyof Contribution]: Contribution[Name] }

/**
 * What is known of all who use a box, by the arrays that it is, as of the snapshot. VMs that could not be read are left out, and so are hosts that neither
 * have counters of their own nor are known by their address to the array's server: what these do themselves nobody sees.
 */
export function contributionsOf(
  { hosts, vms, disks }: Snapshot,
  arrays: readonly StorageArray[],
  served: ReadonlyMap<string, readonly Served[]> = new Map(),
): Contribution[] {
  const ofVms = new Map<string, Draft>()
  const ofHosts = new Map<string, Draft>()
  for (const { key, diskIds, exchanges } of arrays) {
    for (const id of diskIds) {
      const disk = disks.get(id)
      const vm = disk === undefined ? undefined : vms.get(disk.vmUuid)
      const at = disk === undefined ? undefined : readAtOf(disk)
      if (disk?.exchanged === undefined || at === undefined || vm === undefined) continue
      if (!isRunning(vm.state) || vm.gaps.length > 0) continue
      const { uuid, name, hostId } = vm
      addTo(ofVms, { id: uuid, kind: 'vm', name, hostId, at, of: id, totals: disk.exchanged })
    }
    for (const { hostId, at, exchanged } of exchanges) {
      const host = hosts.get(hostId)
      if (host?.status !== 'up') continue
      addTo(ofHosts, { id: hostId, kind: 'host', name: host.name, hostId, at, of: key, totals: exchanged })
    }
    for (const { hostId = '', address, at, exchanged } of served.get(key) ?? []) {
      const host = hosts.get(hostId)
      if (host?.status !== 'up' || exchanges.some((own) => own.hostId === hostId)) continue
      const of = `${key} from ${address}`
      addTo(ofHosts, { id: hostId, kind: 'host', name: host.name, hostId, at, of, totals: exchanged })
    }
  }
  return [...ofVms.values(), ...ofHosts.values()]
}

/** Another disk of the VM, or another array of the box. */
function addTo(known: Map<string, Draft>, one: Draft): void {
  const before = known.get(one.id)
  if (before === undefined) {
    known.set(one.id, one)
    return
  }
  before.at = Math.max(before.at, one.at)
  before.of = `${before.of} ${one.of}`
  before.totals = sumOf(before.totals, one.totals)
}

function readAtOf({ metrics }: Disk): number | undefined {
  const metric = metrics['writeBytesPerSecond'] ?? metrics['readBytesPerSecond']
  return metric !== undefined && 'value' in metric ? metric.at : undefined
}

const names = [
  'readBytes',
  'writeBytes',
  'readRequests',
  'writeRequests',
  'readSeconds',
  'writeSeconds',
] as const satisfies readonly (keyof Exchanged)[]

function sumOf(one: Exchanged, other: Exchanged): Exchanged {
  const sum: Partial<Record<keyof Exchanged, number>> = {}
  for (const name of names) {
    const value = one[name]
    const more = other[name]
    if (value !== undefined || more !== undefined) sum[name] = (value ?? 0) + (more ?? 0)
  }
  return sum
}
