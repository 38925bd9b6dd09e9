import type { Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import type { Snapshot } from '../../model/snapshot.js'
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

/** What ails the storage of the hosts themselves. Hosts that told nothing of it are not judged. */
export function storageHealthFindings(snapshot: Snapshot, { thresholds }: Policy): Finding[] {
  const findings: Finding[] = []
  for (const host of snapshot.hosts.values()) {
    const health = host.storageHealth
    if (health === undefined) continue
    for (const check of checks) findings.push(...check({ host, health, thresholds }))
  }
  return findings
}
