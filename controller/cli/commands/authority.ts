import type { Command } from 'commander'

import type { FinishedRotationView } from '../../api/views.js'
import { CliError } from '../cli-error.js'
import type { Cli } from '../context.js'
import { present } from '../present.js'
import { renderAuthority, renderFinishedRotation } from '../render/authority.js'

interface RotateOptions {
  readonly finish?: boolean
  readonly force?: boolean
}

export function addAuthorityCommands(program: Command, cli: Cli): void {
  const ca = program.command('ca').description('the certificate authority that agents trust')
  ca.command('show')
    .description('its end, and how far a rotation has come')
    .action(async (_options: object, command: Command) => {
      const context = cli.contextOf(command)
      await present(context, {
        fetch: (signal) => context.client.authority(signal),
        json: (authority) => authority,
        render: renderAuthority,
      })
    })
  ca.command('rotate')
    .description('make a new one; the former stays trusted until all agents have renewed and --finish is said')
    .option('--finish', 'drop the former one')
    .option('--force', 'with --finish: even if agents that are away have to join anew')
    .action(async ({ finish = false, force = false }: RotateOptions, command: Command) => {
      const { client, json, look, print, printJson } = cli.contextOf(command)
      const { signal } = new AbortController()
      if (force && !finish) throw new CliError('usage', '--force goes with --finish')
      if (finish) {
        const finished: FinishedRotationView = await client.finishRotation(force, signal)
        if (json) printJson(finished)
        else print(renderFinishedRotation(finished, look()))
        return
      }
      const authority = await client.rotateAuthority(signal)
      if (json) printJson(authority)
      else print(renderAuthority(authority, look()))
    })
}
