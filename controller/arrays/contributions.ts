import type { BoxLoad, BoxUser } from '../checks/load/box-load.js'
import type { PlacedFleet } from '../checks/policy/placed-fleet.js'
import type { Box } from '../checks/storage.js'
import type { BusyProcess, Disk, Exchanged, Snapshot } from '../model/snapshot.js'

/** What one user of a box did there so far: a VM by its disks, or a host by its own counters, its VMs included. */
export interface Contribution {
  /** UUID of the VM, or id of the host. */
  readonly id: string
  readonly kind: 'vm' | 'host'
  readonly name: string
  /** Where the VM runs, or the host. */
  readonly hostId: string
  /** What a herd may have in common: `host xenhv04`, `group people`. */
  readonly traits: readonly string[]
  /** When it was read, in milliseconds since 1970: the same as before if nothing was told since. */
  readonly at: number
  readonly totals: Exchanged
}

/**
 * What is known of all who use a box, as of the snapshot. VMs that could not be read are left out, and so are hosts without counters of
 * their own: what these do themselves nobody sees.
 */
export function contributionsOf({ snapshot }: PlacedFleet, { box, arrays, users }: BoxLoad): Contribution[] {
  const byHost = new Map<string, { at: number; totals: Exchanged }>()
  for (const { exchanges } of arrays) {
    for (const { hostId, at, exchanged } of exchanges) {
      const before = byHost.get(hostId)
      byHost.set(hostId, { at: Math.max(at, before?.at ?? 0), totals: sumOf(exchanged, before?.totals) })
    }
  }
  const ofHosts = [...byHost].flatMap(([id, { at, totals }]): Contribution[] => {
    const host = snapshot.hosts.get(id)
    if (host?.status !== 'up') return []
    return [{ id, kind: 'host', name: host.name, hostId: id, traits: [], at, totals }]
  })
  return [...users.flatMap((user) => ofVm(user, box, snapshot)), ...ofHosts]
}

/** What may be behind what a host itself does: its processes that read and wrote most of late, on whatever storage. Empty: not known. */
export function processesBehind({ hosts }: Snapshot, hostId: string): readonly BusyProcess[] {
  return hosts.get(hostId)?.busyProcesses ?? []
}

function ofVm({ one: { place } }: BoxUser, { id: boxId }: Box, { disks }: Snapshot): Contribution[] {
  let at: number | undefined
  let totals: Exchanged | undefined
  for (const { id, box } of place.disks) {
    const disk = box.id === boxId ? disks.get(id) : undefined
    const readAt = disk === undefined ? undefined : readAtOf(disk)
    if (disk?.exchanged === undefined || readAt === undefined) continue
    at = Math.max(at ?? 0, readAt)
    totals = sumOf(disk.exchanged, totals)
  }
  if (at === undefined || totals === undefined) return []
  const { group, owner, service } = place.labels
  const traits = [
    `host ${place.hostName}`,
    ...(group === undefined ? [] : [`group ${group.value}`]),
    ...(service === undefined ? [] : [`service ${service.value}`]),
    ...(owner === undefined ? [] : [`owner ${owner.value}`]),
  ]
  return [{ id: place.uuid, kind: 'vm', name: place.name, hostId: place.hostId, traits, at, totals }]
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

function sumOf(one: Exchanged, other: Exchanged | undefined): Exchanged {
  if (other === undefined) return one
  const sum: Partial<Record<keyof Exchanged, number>> = {}
  for (const name of names) {
    const value = one[name]
    const more = other[name]
    if (value !== undefined || more !== undefined) sum[name] = (value ?? 0) + (more ?? 0)
  }
  return sum
}
