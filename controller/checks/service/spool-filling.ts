import type { Circumstances } from '../../model/circumstances.js'
import { agentSubject, finding, type Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import { increaseOf } from '../../model/recent-changes.js'
import type { Snapshot } from '../../model/snapshot.js'

/**
 * Agents that are connected, and with which reports wait all the same: they make more than the way to the controller, or the controller's store,
 * takes. What an agent that is away has in its spool nobody knows; what it dropped is told when it is back.
 */
export function spoolFilling(snapshot: Snapshot, { thresholds }: Policy, { changes }: Circumstances): Finding[] {
  const { above, clearBelow } = thresholds['spool-filling']
  const found: Finding[] = []
  for (const agent of snapshot.agents.values()) {
    const { connected, spoolReports } = agent
    const tally = changes?.agents.get(agent.id)
    const dropped = connected && tally !== undefined ? increaseOf(tally.droppedReports) : 0
    if (dropped > 0) {
      found.push(
        finding({
          check: 'spool-filling',
          severity: 'critical',
          subject: agentSubject(agent),
          part: 'dropped',
          message: `it dropped ${dropped} reports, as was told within ten minutes: its spool was full, and what they said is lost`,
          evidence: [{ entityKind: 'agent', entityId: agent.id, field: 'droppedReports', value: dropped, limit: 0 }],
        }),
      )
    }
    if (!connected || spoolReports < Math.min(above, clearBelow)) continue
    found.push(
      finding({
        check: 'spool-filling',
        severity: 'warning',
        subject: agentSubject(agent),
        strength: spoolReports >= above ? 'raise' : 'keep',
        message: `${spoolReports} reports wait with it; when its spool is full the oldest are dropped`,
        evidence: [
          { entityKind: 'agent', entityId: agent.id, field: 'spoolReports', value: spoolReports, limit: above },
        ],
      }),
    )
  }
  return found
}
