import { writeFileSync } from 'node:fs'

import { type Command, InvalidArgumentError } from 'commander'

import { growArgument } from '../amounts-argument.js'
import { countArgument } from '../argument.js'
import { CliError } from '../cli-error.js'
import type { Cli } from '../context.js'
import { readFleet, readText, roomFleetOf, usualProfile } from '../fleet-input.js'
import { offline } from '../offline.js'
import { buyView, renderBuy } from '../render/buy.js'
import type { BuyReport } from '../../planner/capacity/buy-report.js'
import { asUsage, ofWatched, refuseIgnored, type RoomOptions } from './capacity-from.js'

interface Options extends RoomOptions {
  readonly catalog: string
  readonly horizon: number
  readonly newVms?: number
  readonly losses: number
  readonly report?: string
}

export function addCapacityBuyCommand(capacity: Command, cli: Cli): void {
  capacity
    .command('buy')
    .description(
      'the cheapest hosts and memory with which a fleet file holds until the horizon; takes --from, --format, --profile, --vcpus-per-core and --grow as capacity does',
    )
    .requiredOption('--catalog <file>', 'what can be bought, and its prices')
    .option('--horizon <time>', 'how far ahead: 12mo, 90d, 2y', horizonArgument, 365)
    .option(
      '--grow <share>',
      'memory of all VMs together grows by so much until then, by new VMs of the profile',
      growArgument,
    )
    .option('--new-vms <count>', 'in place of --grow: so many new VMs', countArgument(1_000_000))
    .option('--losses <hosts>', 'so many hosts may be lost at once; 0: none', lossesArgument, 1)
    .option('--report <file>', 'writes a report for a purchase request: .md or .html')
    .action(async (_own: unknown, command: Command) => {
      const context = cli.contextOf(command)
      const options = command.optsWithGlobals<Options>()
      refuseIgnored(
        command.parent,
        notOfBuying,
        '--losses says how many hosts may be lost, and the catalog what may be added',
      )
      const report = await offline({ end: () => undefined, show: () => undefined }, () => reportOf(options, cli.now()))
      if (options.report !== undefined) await writeReport(options.report, report)
      if (context.json) context.printJson(buyView(report))
      else context.print(renderBuy(report, options.report, context.look()))
    })
}

const notOfBuying = ['n1', 'fail', 'addHost', 'addMemory', 'removeHost', ...ofWatched]

/** @throws ConfigError: what is wrong with the files · CliError (usage) */
async function reportOf(options: Options, now: number): Promise<BuyReport> {
  const { from, format, catalog, grow, newVms, horizon, losses, vcpusPerCore } = options
  if (from === undefined) throw new CliError('usage', '--from is missing: the file of the fleet', '')
  if (grow === undefined && newVms === undefined)
    throw new CliError('usage', 'say what is to come: --grow 20% or --new-vms 12', '')
  const [{ parseCatalog }, { cheapest }, { newVmsOfGrowth, shortFrom }] = await Promise.all([
    import('../../planner/capacity/catalog.js'),
    import('../../planner/capacity/buy.js'),
    import('../../planner/capacity/demand.js'),
  ])
  const goods = parseCatalog(readText(catalog), catalog)
  const input = await readFleet(from, format)
  const profile = options.profile ?? usualProfile(input)
  const fleet = await roomFleetOf(input, profile, vcpusPerCore)
  const demand = { newVms: newVms ?? newVmsOfGrowth(fleet, grow ?? 0), losses }
  const bought = asUsage(() => cheapest(fleet, goods, demand))
  const basis =
    newVms === undefined
      ? `All VMs together are taken to need ${((grow ?? 0) * 100).toFixed(0)} % more memory by then.`
      : 'The number of new VMs was given.'
  const shortFromMs = shortFrom(now, horizon, demand.newVms, bought.today.fits)
  return { fleet, catalog: goods, bought, demand, profile, now, horizonDays: horizon, basis, shortFromMs }
}

async function writeReport(file: string, report: BuyReport): Promise<void> {
  const { buyReport, markdown, html } = await import('../../planner/capacity/buy-report.js')
  const write = /\.html?$/u.test(file) ? html : /\.(md|markdown)$/u.test(file) ? markdown : undefined
  if (write === undefined) throw new CliError('usage', `${file}: a report is written as .md or .html`, '')
  try {
    writeFileSync(file, write(buyReport(report)))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new CliError('error', `${file} cannot be written: ${reason}`, '', { cause: error })
  }
}

const daysOf = { d: 1, w: 7, mo: 365 / 12, y: 365 } as const

/** Days. */
function horizonArgument(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,4})(d|w|mo|y)$/u.exec(text) ?? []
  const days = unit === 'd' || unit === 'w' || unit === 'mo' || unit === 'y' ? Number(count) * daysOf[unit] : NaN
  if (days >= 1 && days <= 3650) return Math.round(days)
  throw new InvalidArgumentError('Expected a time from a day to ten years: 12mo, 90d, 2y.')
}

function lossesArgument(text: string): number {
  if (/^[0-8]$/u.test(text)) return Number(text)
  throw new InvalidArgumentError('Expected a whole number from 0 to 8.')
}
