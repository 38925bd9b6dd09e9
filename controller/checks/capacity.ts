import type { Finding } from '../model/finding.js'
import type { Policy } from '../model/policy.js'
import { takesVms, type Host, type Snapshot } from '../model/snapshot.js'
import { capacityFindings } from './capacity-findings.js'
import { hostFailures, type HostFailure } from './host-failure.js'
import { memoryLedgers, type MemoryLedger, type Occupants } from './memory-ledger.js'

/** One host in the capacity check. */
export interface HostCapacity {
  readonly host: Host
  readonly ledger: MemoryLedger
  /** What its failure would mean. */
  readonly failure: HostFailure
}

/** How many new VMs fit, and what the fleet can lose. */
export interface Capacity {
  /** Moment of the snapshot. */
  readonly at: number
  readonly vmMemoryBytes: number
  /** Places for VMs, by name. */
  readonly hosts: readonly HostCapacity[]
  /** Hosts that are none, by name. */
  readonly storageServers: readonly HostCapacity[]
  readonly fleet: {
    /** Sum of the rooms of the hosts that are up. */
    readonly room: number
    /** For every single host all its VMs would find a place on the others. */
    readonly survivesHostFailure: boolean
  }
  /** As they are found: neither exceptions nor severities of the policy, in the order of the hosts. */
  readonly findings: readonly Finding[]
}

/**
 * The capacity check. Room of a host = max(0, floor((memory − configured memory of the VMs that hold memory − reserve) / memory of a new VM)).
 * A host whose memory, or one of whose VMs' memory, is not known has no room figure; one that is not up has its last known figure, which does
 * not count into the fleet's.
 * @param occupants of the same snapshot
 */
export function capacity(snapshot: Pick<Snapshot, 'at' | 'hosts'>, policy: Policy, occupants: Occupants): Capacity {
  const ledgers = memoryLedgers(snapshot, policy, occupants)
  const failures = hostFailures(snapshot, ledgers)
  const all: HostCapacity[] = []
  for (const host of snapshot.hosts.values()) {
    const ledger = ledgers.get(host.id)
    const failure = failures.get(host.id)
    if (ledger !== undefined && failure !== undefined) all.push({ host, ledger, failure })
  }
  all.sort((a, b) => (a.host.name < b.host.name ? -1 : a.host.name > b.host.name ? 1 : a.host.id < b.host.id ? -1 : 1))
  const hosts = all.filter(({ host }) => takesVms(host))
  return {
    at: snapshot.at,
    vmMemoryBytes: policy.limits.vmMemoryBytes,
    hosts,
    storageServers: all.filter(({ host }) => !takesVms(host)),
    fleet: {
      room: hosts.reduce((sum, { host, ledger }) => sum + countedRoom(host, ledger), 0),
      survivesHostFailure: hosts.every(({ failure }) => failure.fits),
    },
    findings: capacityFindings(all, policy),
  }
}

function countedRoom(host: Host, { balance }: MemoryLedger): number {
  return host.status === 'up' && 'room' in balance ? balance.room : 0
}
