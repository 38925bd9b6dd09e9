import type { Command } from 'commander'

import { pause } from '../../../common/lifecycle.js'
import { countArgument } from '../argument.js'
import { CliError } from '../cli-error.js'
import type { ApiClient } from '../client.js'
import type { Cli, CommandContext } from '../context.js'
import { freshEvents } from '../fresh-events.js'
import { present } from '../present.js'
import { renderEventLine, renderEventList } from '../render/event-list.js'
import { line, span } from '../render/look.js'

const mostEvents = 500
const followMs = 1000

interface Options {
  readonly vm?: string
  readonly count: number
  readonly follow?: boolean
}

export function addEventsCommand(program: Command, cli: Cli): void {
  program
    .command('events')
    .description('what happened to hosts, VMs and the write caches of arrays, the newest last')
    .option('--vm <name>', 'only of this VM, by name or UUID')
    .option('-n, --count <n>', `how many of the newest, at most ${mostEvents}`, countArgument(mostEvents), 50)
    .option('--follow', 'go on with new ones until Ctrl-C; with --json one document a line')
    .action(async ({ vm, count, follow }: Options, command: Command) => {
      const context = cli.contextOf(command)
      if (follow === true) {
        await followEvents(context, vm, count)
        return
      }
      await present(context, {
        fetch: async (signal) => {
          const { client } = context
          const [events, fleet] = await Promise.all([newest(client, vm, count, signal), client.fleet(signal)])
          return { events, simulated: fleet.simulated }
        },
        json: ({ events }) => ({ events }),
        render: ({ events, simulated }, look) => renderEventList(events, simulated, look),
      })
    })
}

/** The newest events, of one VM if one is given: it may be gone by now. Where there are none, a name that nobody has is an error. */
async function newest(client: ApiClient, vm: string | undefined, limit: number, signal: AbortSignal) {
  const events = await client.events({ vm, limit }, signal)
  if (events.length === 0 && vm !== undefined) await client.vm(vm, signal)
  return events
}

/** Prints the newest events, then each new one, until Ctrl-C. An unreachable controller is waited for once it has answered. */
async function followEvents(
  { client, json, look, print, printJson, shell }: CommandContext,
  vm: string | undefined,
  count: number,
) {
  const stop = new AbortController()
  const onSignal = () => stop.abort()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, onSignal)
  let seen: ReadonlySet<string> | undefined
  let lost = false
  while (!stop.signal.aborted) {
    try {
      const found = freshEvents(seen ?? new Set(), await newest(client, vm, mostEvents, stop.signal), mostEvents)
      if (lost || found.missed) {
        shell.stderr.write(
          `${line([span(found.missed ? 'more happened than could be followed' : 'the controller is back')], look())}\n`,
        )
        lost = false
      }
      for (const event of seen === undefined ? found.fresh.slice(-count) : found.fresh) {
        if (json) printJson(event, 'line')
        else print([renderEventLine(event, look())])
      }
      seen = found.seen
    } catch (error) {
      if (stop.signal.aborted) return
      if (seen === undefined || !(error instanceof CliError) || error.reason !== 'unreachable') throw error
      if (!lost) shell.stderr.write(`${line([span(`${error.message}; waiting for it`)], look())}\n`)
      lost = true
    }
    await pause(followMs, stop.signal)
  }
}
