import type { Command } from 'commander'

import { countArgument } from '../argument.js'
import type { Cli } from '../context.js'
import { present } from '../present.js'
import { renderCommandDetail, renderCommandEnd, renderCommandList } from '../render/command.js'

export function addCommandCommands(program: Command, cli: Cli): void {
  const command = program.command('command').description('what was asked of hypervisors, and what became of it')
  command
    .command('list')
    .description('commands, the newest first')
    .option('--open', 'only those that have not ended')
    .option('--limit <count>', 'at most so many', countArgument(1000), 50)
    .action(async ({ open, limit }: { open?: true; limit: number }, self: Command) => {
      const context = cli.contextOf(self)
      await present(context, {
        fetch: (signal) => context.client.commands({ state: open === true ? 'open' : 'any', limit }, signal),
        json: (commands) => ({ commands }),
        render: renderCommandList,
      })
    })
  command
    .command('show')
    .argument('<number>', 'as `command list` shows it, or its id')
    .description('one command with what its checks said, and its output')
    .action(async (id: string, _options: object, self: Command) => {
      const context = cli.contextOf(self)
      await present(context, {
        fetch: (signal) => context.client.command(id, signal),
        json: (data) => data,
        render: renderCommandDetail,
      })
    })
  command
    .command('cancel')
    .argument('<number>', 'as `command list` shows it, or its id')
    .description('cancel one that has not begun, or whose verb can be cancelled while it runs')
    .action(async (id: string, _options: object, self: Command) => {
      const { client, json, look, print, printJson } = cli.contextOf(self)
      const cancelled = await client.cancelCommand(id, new AbortController().signal)
      if (json) printJson(cancelled)
      else print(renderCommandEnd(cancelled, look()))
    })
  command
    .command('approve')
    .argument('<number>', 'as `command list` shows it, or its id')
    .description('let one go on that waits for a second person, which you are')
    .action(async (id: string, _options: object, self: Command) => {
      const { client, json, look, print, printJson } = cli.contextOf(self)
      const approved = await client.approveCommand(id, new AbortController().signal)
      if (json) printJson(approved)
      else print(renderCommandEnd(approved, look()))
      if (approved.state === 'refused') cli.finish('refused')
    })
  command
    .command('reject')
    .argument('<number>', 'as `command list` shows it, or its id')
    .description('refuse one that waits for a second person')
    .option('--reason <text>', 'why', '')
    .action(async (id: string, { reason }: { reason: string }, self: Command) => {
      const { client, json, look, print, printJson } = cli.contextOf(self)
      const rejected = await client.rejectCommand(id, reason, new AbortController().signal)
      if (json) printJson(rejected)
      else print(renderCommandEnd(rejected, look()))
    })
}
