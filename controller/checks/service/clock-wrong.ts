import { formatDuration } from '../../../common/units.js'
import { agentSubject, finding, type Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import type { Snapshot } from '../../model/snapshot.js'

/**
 * Agents whose clock is not the controller's, as they said when they connected, or when their clock was set since. Their figures are put on the
 * controller's clock; certificates and whatever else looks at the time on that machine are not.
 */
export function clockWrong(snapshot: Snapshot, { thresholds }: Policy): Finding[] {
  const { above, clearBelow } = thresholds['clock-wrong']
  const found: Finding[] = []
  for (const agent of snapshot.agents.values()) {
    const { connected, clockOffsetMs } = agent
    if (!connected || clockOffsetMs === undefined || Math.abs(clockOffsetMs) < Math.min(above, clearBelow)) continue
    const direction = clockOffsetMs > 0 ? 'behind' : 'ahead of'
    found.push(
      finding({
        check: 'clock-wrong',
        severity: 'warning',
        subject: agentSubject(agent),
        strength: Math.abs(clockOffsetMs) >= above ? 'raise' : 'keep',
        message: `its clock is ${formatDuration(Math.abs(clockOffsetMs))} ${direction} the controller's`,
        evidence: [
          { entityKind: 'agent', entityId: agent.id, field: 'clockOffsetMs', value: clockOffsetMs, limit: above },
        ],
      }),
    )
  }
  return found
}
