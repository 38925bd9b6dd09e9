import type { Circumstances } from '../../model/circumstances.js'
import { agentSubject, finding, type Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import { increaseOf } from '../../model/recent-changes.js'
import type { Snapshot } from '../../model/snapshot.js'

/** Agents that miss beats, because reading the hypervisor takes longer than a beat: their figures come late and are fewer. */
export function agentLate(snapshot: Snapshot, { thresholds }: Policy, { changes }: Circumstances): Finding[] {
  const { above, clearBelow } = thresholds['agent-late']
  const found: Finding[] = []
  for (const [id, { skippedTicks }] of changes?.agents ?? []) {
    const agent = snapshot.agents.get(id)
    const missed = increaseOf(skippedTicks)
    if (agent?.connected !== true || missed < Math.min(above, clearBelow)) continue
    found.push(
      finding({
        check: 'agent-late',
        severity: 'warning',
        subject: agentSubject(agent),
        strength: missed >= above ? 'raise' : 'keep',
        message: `it missed ${missed} beats within ten minutes: its hypervisors answer slowly, or its machine is busy`,
        evidence: [{ entityKind: 'agent', entityId: id, field: 'skippedTicks', value: missed, limit: above }],
      }),
    )
  }
  return found
}
