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
      const fleet = await present(context, {
        fetch: (signal) => context.client.fleet(signal),
        json: (data) => data,
        render: renderStatus,
      })
      if (options.check === true && fleet !== undefined && needsAttention(fleet.findings)) cli.finish('findings')
    })
}
