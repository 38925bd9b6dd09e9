import type { Command } from 'commander'

import type { Cli } from '../context.js'
import { present } from '../present.js'
import { renderWhy } from '../render/why.js'

export function addWhyCommand(program: Command, cli: Cli): void {
  program
    .command('why')
    .argument('<vm>', 'name or UUID')
    .description('everything known that bears on one VM, the weightiest first')
    .action(async (name: string, _options: object, command: Command) => {
      const context = cli.contextOf(command)
      await present(context, {
        fetch: (signal) => context.client.why(name, signal),
        json: (why) => why,
        render: renderWhy,
      })
    })
}
