import { type Command, Option } from 'commander'

import type { VmView } from '../../api/views.js'
import { countArgument } from '../argument.js'
import type { ApiClient } from '../client.js'
import { NotFoundError } from '../cli-error.js'
import type { Cli } from '../context.js'
import { runLive } from '../live.js'
import { present } from '../present.js'
import { renderTop, type TopData, type TopOrder, topOrderOf, topOrderOfKey, topOrders } from '../render/top.js'
import { canRedraw } from '../shell.js'

const mostRows = 100
const defaultIntervalMs = 1000

interface Options {
  readonly by?: string
  readonly count: number
  readonly once?: boolean
  readonly array?: string
}

export function addTopCommand(program: Command, cli: Cli): void {
  const keys = Object.entries(topOrders).map(([order, { key }]) => `${key} ${order}`)
  program
    .command('top')
    .description('the busiest VMs, live')
    .addOption(
      new Option('--by <order>', 'what to order by')
        .choices(Object.keys(topOrders))
        .default(undefined, 'cpu; write with --array'),
    )
    .option('-n, --count <n>', `how many, at most ${mostRows}`, countArgument(mostRows), 20)
    .option('--array <name>', 'only VMs with a disk on this array, by its name or key')
    .option('--once', 'once; so it is too with --json or where the output is no terminal')
    .addHelpText('after', `\nKeys: ${keys.join(', ')}, q quit`)
    .action(async ({ by, count, once, array }: Options, command: Command) => {
      const context = cli.contextOf(command)
      const { client, json, look, shell, watchMs } = context
      let order: TopOrder = topOrderOf(by ?? '') ?? (array === undefined ? 'cpu' : 'write')
      const fetch = (signal: AbortSignal) => fetchTop(client, order, count, signal, array)
      const live = once !== true && !json && (canRedraw(shell) || watchMs !== undefined)
      if (!live) {
        await present(
          { ...context, watchMs: undefined },
          {
            fetch: json
              ? async (signal) => ({
                  top: await client.top(order, count, signal, array),
                  vms: new Map(),
                })
              : fetch,
            json: ({ top }) => top,
            render: (data, look) => renderTop(data, look, false),
          },
        )
        return
      }
      const view = {
        intervalMs: watchMs ?? defaultIntervalMs,
        fetch,
        render: (data: TopData, now: ReturnType<typeof look>) => renderTop(data, now, canRedraw(shell)),
        onKey: (key: string) => {
          const chosen = topOrderOfKey(key)
          if (chosen !== undefined) order = chosen
          return chosen !== undefined
        },
      }
      await runLive(view, look, shell)
    })
}

/** The list, then each VM in it: a screenful of small answers instead of a whole fleet every second. */
async function fetchTop(
  client: ApiClient,
  order: TopOrder,
  count: number,
  signal: AbortSignal,
  array: string | undefined,
): Promise<TopData> {
  const [top, of] = await Promise.all([
    client.top(order, count, signal, array),
    array === undefined ? undefined : client.array(array, signal),
  ])
  const vms = new Map<string, VmView>()
  const uuids = top.rows.slice(0, count).map(({ uuid }) => uuid)
  const lane = async () => {
    for (let uuid = uuids.shift(); uuid !== undefined; uuid = uuids.shift()) {
      try {
        vms.set(uuid, await client.vmByUuid(uuid, signal))
      } catch (error) {
        if (!(error instanceof NotFoundError)) throw error
      }
    }
  }
  await Promise.all(Array.from({ length: 4 }, lane))
  return { top, vms, array: of }
}
