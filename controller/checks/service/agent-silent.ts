import { formatMoment } from '../../../common/units.js'
import { agentSubject, finding, hostSubject, type Finding } from '../../model/finding.js'
import type { Snapshot } from '../../model/snapshot.js'
import { named } from '../in-words.js'

/** Agents that are not connected. As severe as the silence of the hosts that it explains; one that speaks for no host is only to know. */
export function agentSilent(snapshot: Snapshot): Finding[] {
  const found: Finding[] = []
  for (const agent of snapshot.agents.values()) {
    if (agent.connected) continue
    // Another agent may speak for them by now.
    const hosts = agent.hostIds
      .flatMap((id) => snapshot.hosts.get(id) ?? [])
      .filter((host) => host.agentId === agent.id)
    const consequence =
      hosts.length === 0 ? 'no host depends on it' : `nobody watches ${named(hosts.map(({ name }) => name))}`
    found.push(
      finding({
        check: 'agent-silent',
        severity: hosts.length === 0 ? 'info' : 'critical',
        subject: agentSubject(agent),
        message: `it is not connected since ${formatMoment(agent.since)}; ${consequence}`,
        related: hosts.map((host) => ({ role: 'victim', subject: hostSubject(host) })),
      }),
    )
  }
  return found
}
