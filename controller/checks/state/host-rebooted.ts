import { formatMoment } from '../../../common/units.js'
import type { Circumstances } from '../../model/circumstances.js'
import { finding, hostSubject, type Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import { valueOf, type Snapshot } from '../../model/snapshot.js'

/**
 * Hosts that booted a while ago, while they were watched or between two looks: their VMs were started anew. Each boot is one finding of its own: one
 * that nobody planned is not the end of another that somebody did.
 */
export function hostRebooted(snapshot: Snapshot, { thresholds }: Policy, { changes }: Circumstances): Finding[] {
  const found: Finding[] = []
  for (const [hostId, { atMs }] of changes?.reboots ?? []) {
    const host = snapshot.hosts.get(hostId)
    if (host === undefined || snapshot.at - atMs > thresholds['host-rebooted'].for) continue
    const moment = formatMoment(atMs)
    found.push(
      finding({
        check: 'host-rebooted',
        severity: 'warning',
        subject: hostSubject(host),
        part: moment,
        message: `it was booted; seen at ${moment}`,
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
