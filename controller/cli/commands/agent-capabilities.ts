import type { Command } from 'commander'

import type { AgentView, HostView } from '../../api/views.js'
import { CliError, NotFoundError } from '../cli-error.js'
import type { Cli } from '../context.js'
import { present } from '../present.js'
import { renderCapabilityList } from '../render/capability-list.js'
import { similarNames } from '../similar-names.js'

export function addCapabilitiesCommand(agent: Command, cli: Cli): void {
  agent
    .command('capabilities')
    .argument('[agent|host]', 'name or id: only the hosts of this agent, or this host')
    .description('what can be measured on each host: yes, degraded or no, and why')
    .action(async (name: string | undefined, _options: object, command: Command) => {
      const context = cli.contextOf(command)
      await present(context, {
        fetch: async (signal) => {
          const { client } = context
          if (name === undefined) return client.hosts(signal)
          const [hosts, agents] = await Promise.all([client.hosts(signal), client.agents(signal)])
          return hostsNamed(name, hosts, agents)
        },
        json: (hosts) => ({ hosts: hosts.map(documented) }),
        render: renderCapabilityList,
      })
    })
}

function documented({ id, name, kind, simulated, agentId, capabilities }: HostView): object {
  return { id, name, kind, simulated, agentId, capabilities }
}

/**
 * The host of that name or id, and those of the agent of that name or id: an agent mostly has its host's name.
 * @throws NotFoundError, CliError
 */
export function hostsNamed(
  name: string,
  hosts: readonly HostView[],
  agents: readonly Pick<AgentView, 'id' | 'name'>[],
): readonly HostView[] {
  const agentIds = new Set(agents.filter((agent) => agent.id === name || agent.name === name).map(({ id }) => id))
  const found = hosts.filter((host) => host.id === name || host.name === name || agentIds.has(host.agentId))
  if (found.length > 0) return found
  if (agentIds.size > 0) throw new CliError('error', `the agent ${name} has told of no host yet`)
  const similar = similarNames(
    name,
    [...hosts, ...agents].map((one) => one.name),
  )
  throw new NotFoundError(
    `no agent and no host is named ${name === '' ? '""' : name}`,
    similar.length === 0
      ? 'headroom agent list and headroom host list show them all'
      : `similar: ${similar.join(', ')}`,
  )
}
