import { formatMoment } from '../../../common/units.js'
import type { Circumstances } from '../../model/circumstances.js'
import { finding, vmSubject, type Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import type { Snapshot } from '../../model/snapshot.js'

/** VMs whose memory, vCPUs, disks or networks changed a while ago. Each change is one finding of its own, so that a second is told while the first is. */
export function definitionChanged(snapshot: Snapshot, { thresholds }: Policy, { changes }: Circumstances): Finding[] {
  const found: Finding[] = []
  for (const [uuid, { atMs, changes: words }] of changes?.redefined ?? []) {
    const vm = snapshot.vms.get(uuid)
    if (vm === undefined || snapshot.at - atMs > thresholds['definition-changed'].for) continue
    found.push(
      finding({
        check: 'definition-changed',
        severity: 'info',
        subject: vmSubject(vm),
        part: formatMoment(atMs),
        message: `it is made of other things than before: ${words.join(', ')}`,
      }),
    )
  }
  return found
}
