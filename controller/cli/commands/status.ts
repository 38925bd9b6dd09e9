import type { Command } from 'commander'

import type { Cli } from '../context.js'
import { present } from '../present.js'
import { needsAttention } from '../render/findings.js'
import { renderStatus } from '../render/status.js'

export function addStatusCommand(program: Command, cli: Cli): void {
  program
    .command('status')
    .description('the fleet on one screen: what is up, what is full, what is wrong')
    .option('--check', 'exit with 3 if a warning or a critical finding stands')
    .action(async (options: { readonly check?: boolean }, command: Command) => {
      const context = cli.contextOf(command)
      const shown = await present(context, {
        fetch: async (signal) => {
          const [fleet, alerts] = await Promise.all([
            context.client.fleet(signal),
            context.client.alerts('firing', signal),
          ])
          return { fleet, alerts }
        },
        json: ({ fleet }) => fleet,
        render: renderStatus,
      })
      if (options.check === true && shown !== undefined && needsAttention(shown.fleet.findings)) cli.finish('findings')
    })
}
