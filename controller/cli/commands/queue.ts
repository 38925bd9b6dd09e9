import type { Command } from 'commander'

import { countArgument } from '../argument.js'
import type { Cli } from '../context.js'
import { present } from '../present.js'
import { renderQueue } from '../render/queue.js'

const mostPlaces = 10_000

/** Bulk commands that wait for their turn at an array. */
export function addQueueCommands(program: Command, cli: Cli): void {
  const queue = program.command('queue').description('what reads or writes much and waits for its turn at an array')
  queue
    .command('list')
    .description('what waits, the next one first, and what for')
    .action(async (_options: object, self: Command) => {
      const context = cli.contextOf(self)
      await present(context, {
        fetch: (signal) => context.client.queue(signal),
        json: (waiting) => ({ queue: waiting }),
        render: renderQueue,
      })
    })
  queue
    .command('move')
    .argument('<number>', 'of the command, as `queue list` shows it')
    .argument('<place>', 'its place from then on: 1 is the next', countArgument(mostPlaces))
    .description('put one before or behind others; headroom command cancel takes it out')
    .action(async (id: string, place: number, _options: object, self: Command) => {
      const { client, json, look, print, printJson } = cli.contextOf(self)
      const moved = await client.moveInQueue(id, place, new AbortController().signal)
      if (json) printJson({ queue: moved })
      else print(renderQueue(moved, look()))
    })
}
