import type { ServedExchange, Snapshot } from '../model/snapshot.js'

/** What somebody did to an array, as its server counts it: the whole of what comes in, whoever sends it. */
export interface Served extends ServedExchange {
  /** Who exports it. */
  readonly serverId: string
  /** Whose address it is, as far as that can be told. */
  readonly hostId: string | undefined
}

/** What a server told longer ago than this says nothing of now: one report may be missing, whatever the beat. */
const freshBeats = 2.5
const leastFreshMs = 5000

/**
 * By key of the array, of those whose server tells of them now.
 * @param fastMs the beat of such figures that agents were told: large fleets have longer ones
 */
export function servedOf(snapshot: Snapshot, fastMs: number): ReadonlyMap<string, readonly Served[]> {
  const freshMs = Math.max(leastFreshMs, freshBeats * fastMs)
  const served = new Map<string, Served[]>()
  let hostOf: ReadonlyMap<string, string> | undefined
  for (const { id: serverId, status, served: told } of snapshot.hosts.values()) {
    if (told === undefined || status !== 'up') continue
    hostOf ??= hostsByAddress(snapshot)
    for (const one of told) {
      if (snapshot.at - one.at > freshMs) continue
      const of = served.get(one.arrayKey) ?? []
      served.set(one.arrayKey, of)
      of.push({ ...one, serverId, hostId: hostOf.get(one.address) })
    }
  }
  return served
}

/** QEMU's own initiator names itself by the VM's UUID where it is given no other name (block/iscsi.c, get_initiator_name). */
const qemuName = /^iqn\.2008-11\.org\.linux-kvm:([0-9a-f-]{36})$/

/** An address is of the host whose VMs use it. One that VMs of two hosts have, as for a moment in a migration, is nobody's. */
function hostsByAddress({ hosts, vms }: Snapshot): ReadonlyMap<string, string> {
  const hostOf = new Map<string, string>()
  const unclear = new Set<string>()
  for (const { exports = [] } of hosts.values()) {
    for (const { address, initiator } of exports.flatMap(({ sessions }) => sessions)) {
      const hostId = vms.get(qemuName.exec(initiator)?.[1] ?? '')?.hostId
      if (address === '' || hostId === undefined) continue
      if ((hostOf.get(address) ?? hostId) !== hostId) unclear.add(address)
      hostOf.set(address, hostId)
    }
  }
  for (const address of unclear) hostOf.delete(address)
  return hostOf
}
