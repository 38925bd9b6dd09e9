import type { Command } from 'commander'

import { countArgument } from '../argument.js'
import type { Cli } from '../context.js'
import { present } from '../present.js'
import { renderCapacityForecast } from '../render/capacity-forecast.js'
import { ofFile, ofWatched, refuseIgnored } from './capacity-from.js'

interface Options {
  readonly host?: string
  readonly array?: string
  readonly days: number
}

export function addCapacityForecastCommand(capacity: Command, cli: Cli): void {
  capacity
    .command('forecast')
    .description(
      'when memory and CPU of the fleet will not be enough; or those of a host with its pools; or what an array drains',
    )
    .option('--host <name>', 'of one host in place of the fleet')
    .option('--array <name>', 'of one array in place of the fleet')
    .option('--days <days>', 'how far to look ahead, 1 to 730', countArgument(730), 365)
    .action(async ({ host, array, days }: Options, command: Command) => {
      const context = cli.contextOf(command)
      refuseIgnored(command.parent, [...ofFile, ...ofWatched], 'a forecast is of the fleet that is watched, as it is')
      const of = host !== undefined ? `host:${host}` : array !== undefined ? `array:${array}` : 'fleet'
      await present(context, {
        fetch: (signal) => context.client.capacityForecast({ of, days: String(days) }, signal),
        json: (forecast) => forecast,
        render: renderCapacityForecast,
      })
    })
}
