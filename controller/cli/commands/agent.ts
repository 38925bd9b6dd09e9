import type { Command } from 'commander'

import type { Cli } from '../context.js'
import { present } from '../present.js'
import { renderAgentList } from '../render/agent-list.js'
import { line, span } from '../render/look.js'
import { addCapabilitiesCommand } from './agent-capabilities.js'
import { addJoinTokenCommands } from './join-token.js'

export function addAgentCommands(program: Command, cli: Cli): void {
  const agent = program.command('agent').description('agents that report to the controller')
  agent
    .command('list')
    .description('all agents: connection, granted hosts, certificate, spool, drops, clock')
    .action(async (_options: object, command: Command) => {
      const context = cli.contextOf(command)
      await present(context, {
        fetch: (signal) => context.client.agents(signal),
        json: (agents) => ({ agents }),
        render: renderAgentList,
      })
    })
  addCapabilitiesCommand(agent, cli)
  agent
    .command('grant')
    .argument('<agent>', 'name or id')
    .argument('<host>', 'id, or its name if the agent has named it or it is known')
    .description('let an agent speak for one host more')
    .action(async (name: string, host: string, _options: object, command: Command) => {
      const { client, json, look, print, printJson } = cli.contextOf(command)
      const granted = await client.grantHost(name, host, new AbortController().signal)
      if (json) printJson(granted)
      else print([line([span(`${granted.name} may speak for ${host} now`)], look())])
    })
  agent
    .command('revoke')
    .argument('<agent>', 'name or id')
    .description('end an agent for good, at once; its hosts are free for another')
    .action(async (name: string, _options: object, command: Command) => {
      const { client, json, look, print, printJson } = cli.contextOf(command)
      const revoked = await client.revokeAgent(name, new AbortController().signal)
      if (json) printJson(revoked)
      else print([line([span(`${revoked.name} (${revoked.id}) is revoked`)], look())])
    })
  agent
    .command('forget')
    .argument('<agent>', 'name or id')
    .description('remove an agent that is revoked or away; its machine would have to join anew')
    .action(async (name: string, _options: object, command: Command) => {
      const { client, json, look, print, printJson } = cli.contextOf(command)
      const forgotten = await client.forgetAgent(name, new AbortController().signal)
      if (json) printJson(forgotten)
      else print([line([span(`${forgotten.name} (${forgotten.id}) is forgotten`)], look())])
    })
  addJoinTokenCommands(agent, cli)
}
