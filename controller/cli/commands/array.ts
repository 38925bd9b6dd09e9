import type { Command } from 'commander'

import type { Cli } from '../context.js'
import { present } from '../present.js'
import { renderArrayList } from '../render/array-list.js'

export function addArrayCommands(program: Command, cli: Cli): void {
  const array = program.command('array').description('storage that several disks share')
  array
    .command('list')
    .description('all arrays: size, hosts, VMs, I/O')
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
}
