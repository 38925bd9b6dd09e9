import type { Command } from 'commander'

import type { ApiClient } from '../client.js'
import type { Cli } from '../context.js'
import { present } from '../present.js'
import { type ArrayDetail, renderArrayDetail } from '../render/array-detail.js'
import { calibrationHint, renderCalibrationHint } from '../render/array-calibration.js'
import { renderArrayList } from '../render/array-list.js'

const historyRows = 10

export function addArrayCommands(program: Command, cli: Cli): void {
  const array = program.command('array').alias('arrays').description('storage that several disks share')
  array
    .command('list', { isDefault: true })
    .description('all arrays: size, hosts, VMs, I/O, what their write caches do')
    .action(async (_options: object, command: Command) => {
      const context = cli.contextOf(command)
      await present(context, {
        fetch: async (signal) => {
          const [arrays, fleet] = await Promise.all([context.client.arrays(signal), context.client.fleet(signal)])
          return { arrays, simulated: fleet.simulated }
        },
        json: ({ arrays }) => ({ arrays }),
        render: ({ arrays, simulated }, look) => renderArrayList(arrays, simulated, look),
      })
    })
  array
    .command('show')
    .argument('<name>', 'name or key')
    .description('one array: how full its write cache is, who fills it, what it bears')
    .action(async (name: string, _options: object, command: Command) => {
      const context = cli.contextOf(command)
      await present(context, {
        fetch: (signal) => fetchArray(context.client, name, signal),
        json: ({ array, history }) => ({ ...array, history }),
        render: renderArrayDetail,
      })
    })
  array
    .command('calibrate')
    .argument('<name>', 'name or key')
    .description('how to learn what its write cache takes, without an accident: what to run on which host')
    .action(async (name: string, _options: object, command: Command) => {
      const context = cli.contextOf(command)
      await present(context, {
        fetch: (signal) => context.client.array(name, signal),
        json: calibrationHint,
        render: renderCalibrationHint,
      })
    })
}

async function fetchArray(client: ApiClient, name: string, signal: AbortSignal): Promise<ArrayDetail> {
  const [array, fleet] = await Promise.all([client.array(name, signal), client.fleet(signal)])
  const history = await client.alertHistory({ subject: `array:${array.name}`, limit: historyRows }, signal)
  return { array, history, simulated: fleet.simulated }
}
