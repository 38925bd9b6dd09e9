import type { Command } from 'commander'

import type { Cli } from '../context.js'
import { age } from '../render/figures.js'
import { line, span } from '../render/look.js'

export function addLoginCommand(program: Command, cli: Cli): void {
  program
    .command('login')
    .description('a fresh link that opens the page in a browser; it works once')
    .action(async (_options: object, command: Command) => {
      const { client, json, look, print, printJson, shell } = cli.contextOf(command)
      const link = await client.createLoginLink(new AbortController().signal)
      if (json) {
        printJson(link)
        return
      }
      // Never cut: a link that lost its end opens nothing.
      const whole = { ...look(), width: undefined }
      print([line([span(link.url)], whole)])
      if (shell.stdout.isTTY)
        print([line([span(`works once, within ${age(shell.now(), link.expiresAt)}`, 'dim')], whole)])
    })
}
