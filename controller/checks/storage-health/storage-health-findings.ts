import type { Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import type { Snapshot, StorageHealth } from '../../model/snapshot.js'
import type { SpaceTrends } from '../../model/space-trend.js'
import { diskFailing } from './disk-failing.js'
import type { HostStorage } from './host-storage.js'
import { poolSpace } from './pool-space.js'
import { raidController } from './raid-controller.js'
import { raidDegraded } from './raid-degraded.js'
import { raidRebuilding } from './raid-rebuilding.js'

const checks: readonly ((storage: HostStorage) => Finding[])[] = [
  raidDegraded,
  raidRebuilding,
  raidController,
  diskFailing,
  poolSpace,
]

interface Made {
  readonly storage: HostStorage
  readonly findings: readonly Finding[]
}

/** A host tells of its storage once a minute, and snapshots share what it told: until then the findings are the same. */
const made = new WeakMap<StorageHealth, Made>()

/**
 * What ails the storage of the hosts themselves. Hosts that told nothing of it are not judged.
 * @param trends undefined: nobody looks at them
 */
export function storageHealthFindings(snapshot: Snapshot, { thresholds }: Policy, trends?: SpaceTrends): Finding[] {
  const findings: Finding[] = []
  for (const host of snapshot.hosts.values()) {
    const health = host.storageHealth
    if (health !== undefined) findings.push(...findingsOf({ host, health, thresholds, trends }))
  }
  return findings
}

function findingsOf(storage: HostStorage): readonly Finding[] {
  const before = made.get(storage.health)
  if (before !== undefined && isAlike(before.storage, storage)) return before.findings
  const findings = checks.flatMap((check) => check(storage))
  made.set(storage.health, { storage, findings })
  return findings
}

/** All of a host that these checks look at besides its storage. */
function isAlike(a: HostStorage, b: HostStorage): boolean {
  const [one, other] = [a.host, b.host]
  const isSameHost = one.id === other.id && one.name === other.name && one.status === other.status
  return isSameHost && a.thresholds === b.thresholds && a.trends === b.trends
}
