import { agentSubject, finding, type Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import type { Snapshot } from '../../model/snapshot.js'

/**
 * Agents that are connected, and with which reports wait all the same: they make more than the way to the controller, or the controller's store,
 * takes. What an agent that is away has in its spool nobody knows.
 */
export function spoolFilling(snapshot: Snapshot, { thresholds }: Policy): Finding[] {
  const { above, clearBelow } = thresholds['spool-filling']
  const found: Finding[] = []
  for (const agent of snapshot.agents.values()) {
    const { connected, spoolReports } = agent
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
