import type { Command } from 'commander'

import { subjectText } from '../../model/finding.js'
import { countArgument, durationArgument } from '../argument.js'
import { CliError } from '../cli-error.js'
import type { ApiClient } from '../client.js'
import type { Cli } from '../context.js'
import { present } from '../present.js'
import { clockTime } from '../render/figures.js'
import { line, span } from '../render/look.js'
import { renderSilenceList } from '../render/silence-list.js'

interface Options {
  readonly check?: string
  readonly subject?: string
  readonly for: string
  readonly reason?: string
}

export function addSilenceCommands(alert: Command, cli: Cli): void {
  const silence = alert
    .command('silence')
    .argument('[number]', 'of an alert: its check and its subject', countArgument(999_999_999))
    .description('have nobody told of an alert, or of what fits a check and a subject, for some time')
    .option('--check <pattern>', 'name of a check; * stands for any characters')
    .option('--subject <pattern>', 'host:xenhv0*, vm:panda, array:…, agent:…, fleet')
    .option('--for <time>', 'from 1m to 30d', durationArgument, '1h')
    .option('--reason <text>', 'why; it has to be there')
    .action(async (number: number | undefined, options: Options, command: Command) => {
      const { client, json, look, print, printJson } = cli.contextOf(command)
      const { signal } = new AbortController()
      const { reason } = options
      if (reason === undefined) throw new CliError('usage', 'a silence needs a reason: --reason TEXT')
      const match = await matchOf(number, options, client, signal)
      const made = await client.createSilence({ ...match, for: options.for, reason }, signal)
      const { timeZone } = look()
      if (json) printJson(made)
      else print([line([span(`silenced until ${clockTime(made.until, timeZone)}: ${made.id}`)], look())])
    })
  silence
    .command('list')
    .description('silences in force, those of the policy included')
    .action(async (_options: object, command: Command) => {
      const context = cli.contextOf(command)
      await present(context, {
        fetch: (signal) => context.client.silences(signal),
        json: (silences) => ({ silences }),
        render: renderSilenceList,
      })
    })
  silence
    .command('end')
    .argument('<id>', 'as `alert silence list` shows it')
    .description('end a silence before its time')
    .action(async (id: string, _options: object, command: Command) => {
      const { client, json, look, print, printJson } = cli.contextOf(command)
      await client.endSilence(id, new AbortController().signal)
      if (json) printJson({ id })
      else print([line([span(`the silence ${id} is over`)], look())])
    })
}

async function matchOf(
  number: number | undefined,
  { check, subject }: Options,
  client: ApiClient,
  signal: AbortSignal,
): Promise<{ readonly check?: string; readonly subject?: string }> {
  if (number === undefined) {
    if (check !== undefined || subject !== undefined) {
      return { ...(check !== undefined && { check }), ...(subject !== undefined && { subject }) }
    }
    throw new CliError('usage', 'what is to be silenced: the number of an alert, --check, --subject or both?')
  }
  if (check !== undefined || subject !== undefined) {
    throw new CliError(
      'usage',
      'the number of an alert stands for its check and subject: leave --check and --subject out',
    )
  }
  const { alert } = await client.alert(number, signal)
  if (alert === undefined) throw new CliError('error', `alert ${number} is over: there is nothing to silence`)
  return { check: alert.check, subject: subjectText(alert.subject) }
}
