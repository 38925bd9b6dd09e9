import type { Command } from 'commander'

import type { Cli } from '../context.js'
import { present } from '../present.js'
import { renderAgentList } from '../render/agent-list.js'

export function addAgentCommands(program: Command, cli: Cli): void {
  const agent = program.command('agent').description('agents that report to the controller')
  agent
    .command('list')
    .description('all agents: connection, spool, drops, clock')
    .action(async (_options: object, command: Command) => {
      const context = cli.contextOf(command)
      await present(context, {
        fetch: (signal) => context.client.agents(signal),
        json: (agents) => ({ agents }),
        render: renderAgentList,
      })
    })
}
