import type { Command } from 'commander'

import { countArgument } from '../argument.js'
import type { Cli } from '../context.js'
import { present } from '../present.js'
import { renderAuditCheck, renderAuditList } from '../render/audit.js'

export function addAuditCommands(program: Command, cli: Cli): void {
  const audit = program.command('audit').description('who asked for what, and what came of it')
  audit
    .command('list')
    .description('entries of the audit log, the newest first')
    .option('--limit <count>', 'at most so many', countArgument(1000), 50)
    .action(async ({ limit }: { limit: number }, self: Command) => {
      const context = cli.contextOf(self)
      await present(context, {
        fetch: (signal) => context.client.audit({ limit }, signal),
        json: (entries) => ({ entries }),
        render: renderAuditList,
      })
    })
  audit
    .command('verify')
    .description('whether nothing of the audit log was altered, removed or cut off, nor of those of the agents')
    .action(async (_options: object, self: Command) => {
      const context = cli.contextOf(self)
      const found = await present(context, {
        fetch: (signal) => context.client.verifyAudit(signal),
        json: (data) => data,
        render: renderAuditCheck,
      })
      if (found !== undefined && (found.wrong !== undefined || found.agents.some(({ wrong }) => wrong !== undefined)))
        cli.finish('error')
    })
}
