import type { Command } from 'commander'

import { formText, askableVerbs, isEnd, verbOf, type CommandState, type VerbName } from '../../../common/verbs.js'
import { pause } from '../../../common/lifecycle.js'
import type { CommandView } from '../../api/views.js'
import type { ApiClient } from '../client.js'
import { confirmed } from '../confirmed.js'
import type { Cli } from '../context.js'
import type { ExitReason } from '../exit-codes.js'
import { renderCommandEnd, renderVerdicts } from '../render/command.js'

interface Options {
  readonly dryRun?: true
  readonly note: string
  readonly yes?: true
  readonly wait: boolean
}

const lookEveryMs = 250

/** One command for each verb of the table: `vm start NAME`, `vm autostart NAME on`. */
export function addVmVerbs(vm: Command, cli: Cli): void {
  for (const verb of askableVerbs) {
    const { says, args, risk } = verbOf(verb)
    const command = vm.command(verb).argument('<name>', 'name or UUID').description(says)
    const words = Object.entries(args).filter(([, { isOption }]) => isOption !== true)
    const options = Object.entries(args).filter(
      ([, { isOption, isSetByController }]) => isOption === true && isSetByController !== true,
    )
    for (const [key, arg] of words)
      command.argument(arg.isOptional === true ? `[${key}]` : `<${key}>`, `${arg.says}: ${formText(arg)}`)
    for (const [key, arg] of options) {
      const flag = `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} <${arg.is}>`
      const help = `${arg.says}: ${formText(arg)}`
      if (arg.isOptional === true) command.option(flag, help)
      else command.requiredOption(flag, help)
    }
    command
      .option('--dry-run', 'every check says what it finds; nothing is done')
      .option('--note <text>', 'why; it goes into the audit log', '')
      .option('--no-wait', 'do not wait for its end')
    if (risk !== 'safe') command.option('--yes', 'do not ask first')
    command.action(async (name: string, ...rest: unknown[]) => {
      const given = command.opts<Readonly<Record<string, unknown>>>()
      const values = [
        ...words.flatMap(([key], index) => {
          const value = rest[index]
          return typeof value === 'string' ? [[key, value] as const] : []
        }),
        ...options.flatMap(([key]) => (typeof given[key] === 'string' ? [[key, given[key]] as const] : [])),
      ]
      await run(verb, name, Object.fromEntries(values), command, cli)
    })
  }
}

async function run(
  verb: VerbName,
  name: string,
  args: Readonly<Record<string, string>>,
  command: Command,
  cli: Cli,
): Promise<void> {
  const { client, json, look, print, printJson, shell } = cli.contextOf(command)
  const { dryRun = false, yes = false, wait, note } = command.opts<Options>()
  const { signal } = new AbortController()
  const { uuid, name: vmName, host } = await client.vm(name, signal)
  const { risk, says } = verbOf(verb)
  const asks = risk !== 'safe' && !dryRun && !yes
  if (asks && !(await confirmed(shell, `${verb} ${vmName} on ${host} (${says})`))) return
  const asked = await client.askCommand({ verb, vm: uuid, args, dryRun, ...(note !== '' && { note }) }, signal)
  const last = wait ? await untilEnd(client, asked, signal) : asked
  if (json) printJson(last)
  else print(dryRun || last.state === 'refused' ? renderVerdicts(last, look()) : renderCommandEnd(last, look()))
  cli.finish(exitOf(last.state))
}

/** An end comes in any case: the controller gives up waiting for an agent in the end. A second person is not waited for. */
export async function untilEnd(client: ApiClient, asked: CommandView, signal: AbortSignal): Promise<CommandView> {
  let last = asked
  while (!isEnd(last.state) && last.state !== 'pending-approval') {
    await pause(lookEveryMs, signal)
    last = await client.command(last.id, signal)
  }
  return last
}

export function exitOf(state: CommandState): ExitReason {
  switch (state) {
    case 'refused':
      return 'refused'
    case 'failed':
    case 'cancelled':
    case 'expired':
      return 'error'
    case 'unknown':
      return 'unknownOutcome'
    case 'succeeded':
    case 'pending-approval':
    case 'queued':
    case 'sent':
    case 'running':
      return 'ok'
  }
}
