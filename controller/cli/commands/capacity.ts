import type { Command } from 'commander'

import { sizeArgument } from '../argument.js'
import type { Cli } from '../context.js'
import { present } from '../present.js'
import { renderCapacity } from '../render/capacity.js'
import { needsAttention } from '../render/findings.js'
import { addCapacityBuyCommand } from './capacity-buy.js'
import { addCapacityForecastCommand } from './capacity-forecast.js'
import { addRoomOptions, ofFile, ofWatched, refuseIgnored, roomsFromFile, type RoomOptions } from './capacity-from.js'

interface Options extends RoomOptions {
  readonly reserve?: string
  readonly vmMemory?: string
  readonly check?: boolean
}

export function addCapacityCommand(program: Command, cli: Cli): void {
  const capacity = program
    .command('capacity')
    .description('room for new VMs: the memory ledger of each host, and whether the loss of one can be borne')
    .option(
      '--reserve <size>',
      'memory kept on each host for the hypervisor itself, in place of the policy',
      sizeArgument,
    )
    .option('--vm-memory <size>', 'memory of one new VM, in place of the policy', sizeArgument)
    .option('--check', 'exit with 3 if a warning or a critical finding stands')
  addRoomOptions(capacity).action(async ({ reserve, vmMemory, check, ...rooms }: Options, command: Command) => {
    const context = cli.contextOf(command)
    if (rooms.from !== undefined) {
      refuseIgnored(command, ofWatched, 'a file has its own policy, and --profile says what a new VM takes')
      await roomsFromFile(context, rooms.from, rooms)
      return
    }
    refuseIgnored(command, ofFile, 'they are for a fleet in a file, --from')
    const shown = await present(context, {
      fetch: async (signal) => {
        const [capacity, fleet] = await Promise.all([
          context.client.capacity({ reserve, vmMemory }, signal),
          context.client.fleet(signal),
        ])
        return { capacity, simulated: fleet.simulated }
      },
      json: ({ capacity }) => capacity,
      render: ({ capacity, simulated }, look) => renderCapacity(capacity, simulated, look),
    })
    if (check === true && shown !== undefined && needsAttention(shown.capacity.findings)) cli.finish('findings')
  })
  addCapacityForecastCommand(capacity, cli)
  addCapacityBuyCommand(capacity, cli)
}
