import type { Command } from 'commander'

import { countArgument } from '../argument.js'
import type { Cli } from '../context.js'
import { CliError } from '../cli-error.js'
import { type FleetFormat, readFleet, readText } from '../fleet-input.js'
import { offline } from '../offline.js'
import { renderSimulated, type SimulatedView } from '../render/simulated.js'

interface Options {
  readonly fleet: string
  readonly trace: string
  readonly days: number
  readonly policy?: string
  readonly round: number
  readonly seed: number
}

export function addSimulateCommand(program: Command, cli: Cli): void {
  program
    .command('simulate')
    .description(
      'plays a table of loads to a fleet in a file that is planned for by itself: moves, violations, saturations, imbalance over time',
    )
    .requiredOption('--fleet <file>', 'the fleet, in the form of deploy/fleets/elab.yaml')
    .requiredOption(
      '--trace <file>',
      'lines of time_s,vm,cpu_cores,memory_bytes,read_bytes_s,write_bytes_s, with that header',
    )
    .option('--days <days>', 'how long; a shorter trace is played again', countArgument(366), 7)
    .option(
      '--policy <file>',
      'a policy.yaml: its `moves` say what gain is wanted, for how many looks, and how long a VM rests',
    )
    .option('--round <minutes>', 'minutes between two looks', countArgument(1440), 60)
    .option('--seed <number>', 'the same for the same seed', countArgument(2 ** 32 - 1), 1)
    .action(async (options: Options, command: Command) => {
      const context = cli.contextOf(command)
      const view = await offline({ end: () => undefined, show: () => undefined }, () => simulated(options))
      if (context.json) context.printJson(view)
      else context.print(renderSimulated(view, context.look()))
    })
}

const format: FleetFormat = 'fleet'
/** Of the usual search at each look: there are many. */
const effort = 0.2

/** @throws ConfigError: what is wrong with the files */
async function simulated({ fleet, trace, days, policy, round, seed }: Options): Promise<SimulatedView> {
  const [{ simulate }, { parseTrace }, { parsePolicy }] = await Promise.all([
    import('../../planner/simulate/simulate.js'),
    import('../../planner/simulate/trace.js'),
    import('../../policy/policy-file.js'),
  ])
  const input = await readFleet(fleet, format)
  if (input.format !== 'fleet')
    throw new CliError('usage', `${fleet}: loads are played to files of that form alone`, '')
  const names = input.spec.vms.map(({ name }) => name)
  const loads = parseTrace(readText(trace), names, trace)
  const rules = parsePolicy(policy === undefined ? '' : readText(policy), policy ?? 'the usual policy').policy.moves
  return { days, ...simulate(input.spec, loads, rules, { days, roundMs: round * 60_000, seed, effort }) }
}
