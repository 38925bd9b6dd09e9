import { formatMoment } from '../../../common/units.js'
import type { Circumstances } from '../../model/circumstances.js'
import { finding, hostSubject, type Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import { valueOf, type Snapshot } from '../../model/snapshot.js'

/** Hosts that booted a while ago, while they were watched or between two looks: their VMs were started anew. */
export function hostRebooted(snapshot: Snapshot, { thresholds }: Policy, { changes }: Circumstances): Finding[] {
  const found: Finding[] = []
  for (const [hostId, { atMs }] of changes?.reboots ?? []) {
    const host = snapshot.hosts.get(hostId)
    if (host === undefined || snapshot.at - atMs > thresholds['host-rebooted'].for) continue
    found.push(
      finding({
        check: 'host-rebooted',
        severity: 'warning',
        subject: hostSubject(host),
        message: `it was booted; seen at ${formatMoment(atMs)}`,
        evidence: [
          {
            entityKind: 'host',
            entityId: hostId,
            field: 'uptimeSeconds',
            value: valueOf(host.metrics['uptimeSeconds']),
            limit: undefined,
          },
        ],
      }),
    )
  }
  return found
}
