import { formatMoment } from '../../../common/units.js'
import { groupBy } from '../../../common/group-by.js'
import { agentSubject, finding, hostSubject, type Finding, type Related } from '../../model/finding.js'
import { occupiesMemory, type Snapshot, type Vm } from '../../model/snapshot.js'
import { named } from '../in-words.js'
import { victimsOf } from '../policy/victims.js'

/** Agents that are not connected. As severe as the silence of the hosts that it explains; one that speaks for no host is only to know. */
export function agentSilent(snapshot: Snapshot): Finding[] {
  const found: Finding[] = []
  const vmsOf = vmsByHost(snapshot)
  for (const agent of snapshot.agents.values()) {
    if (agent.connected) continue
    // Another agent may speak for them by now.
    const hosts = agent.hostIds
      .flatMap((id) => snapshot.hosts.get(id) ?? [])
      .filter((host) => host.agentId === agent.id)
    const { names, related } = victimsOf(hosts.flatMap(({ id }) => vmsOf(id)))
    const onThem = related.length === 0 ? '' : `, nor ${names} there`
    const consequence =
      hosts.length === 0 ? 'no host depends on it' : `nobody watches ${named(hosts.map(({ name }) => name))}${onThem}`
    found.push(
      finding({
        check: 'agent-silent',
        severity: hosts.length === 0 ? 'info' : 'critical',
        subject: agentSubject(agent),
        message: `it is not connected since ${formatMoment(agent.since)}; ${consequence}`,
        related: [...hosts.map((host): Related => ({ role: 'victim', subject: hostSubject(host) })), ...related],
      }),
    )
  }
  return found
}

/** VMs that hold memory of a host; sorted out only if somebody asks. */
function vmsByHost({ vms }: Snapshot): (hostId: string) => readonly Vm[] {
  let byHost: ReadonlyMap<string, readonly Vm[]> | undefined
  return (hostId) => {
    byHost ??= groupBy(
      [...vms.values()].filter(({ state }) => occupiesMemory(state)),
      (vm) => vm.hostId,
    )
    return byHost.get(hostId) ?? []
  }
}
