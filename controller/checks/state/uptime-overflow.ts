import { formatDuration } from '../../../common/units.js'
import { finding, hostSubject, type Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import { valueOf, type Snapshot } from '../../model/snapshot.js'
import { mayStopAtOverflow } from './overflowing-kernels.js'

/** `sched_clock` is a 64-bit number of nanoseconds times 2^10 in these kernels: it overflows each 2^54 ns, 208.5 days. */
const overflowsEveryMs = 2 ** 54 / 1e6
const dangerMs = 2 * 86_400_000

/** Hosts with a kernel that may stop, or reboot, when its clock overflows after 208.5 days, and that come near. */
export function uptimeOverflow(snapshot: Snapshot, { thresholds }: Policy): Finding[] {
  const { within } = thresholds['uptime-overflow']
  const found: Finding[] = []
  for (const host of snapshot.hosts.values()) {
    const uptimeSeconds = host.status === 'up' ? valueOf(host.metrics['uptimeSeconds']) : undefined
    if (uptimeSeconds === undefined || host.kind === 'esxi' || !mayStopAtOverflow(host.kernel)) continue
    const leftMs = overflowsEveryMs - ((uptimeSeconds * 1000) % overflowsEveryMs)
    if (leftMs > within) continue
    found.push(
      finding({
        check: 'uptime-overflow',
        severity: leftMs <= dangerMs ? 'critical' : 'warning',
        subject: hostSubject(host),
        // In whole hours: the text of an alert is not to change all the time.
        message: `its kernel ${host.kernel} may stop in ${formatDuration(Math.ceil(leftMs / 3_600_000) * 3_600_000)}, when its clock overflows after 208.5 days; boot it before, with a fixed kernel`,
        evidence: [
          {
            entityKind: 'host',
            entityId: host.id,
            field: 'uptimeSeconds',
            value: uptimeSeconds,
            limit: Math.round(uptimeSeconds + leftMs / 1000),
          },
        ],
      }),
    )
  }
  return found
}
