import { readFileSync } from 'node:fs'

import { type Command, Option } from 'commander'

import { countArgument } from '../argument.js'
import { CliError } from '../cli-error.js'
import type { Cli } from '../context.js'
import { offline } from '../offline.js'
import { type PlanView, renderPlan } from '../render/plan.js'

interface Options {
  readonly from: string
  readonly util?: string
  readonly ignoreDynu?: boolean
  readonly maxMoves?: number
  readonly seed: number
  readonly effort: number
}

export function addPlanCommands(program: Command, cli: Cli): void {
  const plan = program.command('plan').description('where VMs should rather run, and how they get there')
  plan
    .command('rebalance')
    .description('moves that make the hosts of a fleet file alike, in an order in which each is allowed at its time')
    .requiredOption('--from <file>', 'the fleet')
    .addOption(new Option('--format <format>', 'how it is written').choices(['ganeti']).makeOptionMandatory())
    .addOption(
      new Option('--objective <name>', "what is made small: the score of Ganeti's hbal")
        .choices(['ganeti'])
        .default('ganeti'),
    )
    .option('--util <file>', 'loads of the VMs, lines of: name cpu mem disk net; without it each VM counts as 1')
    .addOption(new Option('--ignore-dynu', 'loads do not count: memory and virtual CPUs alone').conflicts('util'))
    .option('--max-moves <count>', 'at most so many moves', countArgument(1_000_000))
    .option('--seed <number>', 'the same plan for the same seed', countArgument(2 ** 32 - 1), 1)
    .option('--effort <times>', 'how long to search: 10 is ten times the usual', countArgument(100), 1)
    .action(async (options: Options, command: Command) => {
      const context = cli.contextOf(command)
      const view = await offline({ end: () => undefined, show: () => undefined }, async () => planOf(options))
      if (context.json) context.printJson(view)
      else context.print(renderPlan(view, context.look()))
    })
}

/** @throws ConfigError: what is wrong with the files */
async function planOf({ from, util, ignoreDynu = false, maxMoves, seed, effort }: Options): Promise<PlanView> {
  const [{ parseGanetiText }, { parseUtilisation }, { ganetiProblem }, { rebalance }, { immobileVms }] =
    await Promise.all([
      import('../../planner/ganeti/ganeti-text.js'),
      import('../../planner/ganeti/utilisation.js'),
      import('../../planner/ganeti/ganeti-problem.js'),
      import('../../planner/rebalance.js'),
      import('../../planner/immobile.js'),
    ])
  const cluster = parseGanetiText(read(from), from)
  const names = new Set(cluster.instances.map(({ name }) => name))
  const loads = util === undefined ? new Map<string, never>() : parseUtilisation(read(util), names, util)
  const problem = ganetiProblem(cluster, ignoreDynu ? undefined : loads)
  const { scoreBefore, scoreAfter, steps, hostOf, capped } = rebalance(problem, {
    seed,
    mostMoves: maxMoves,
    effort,
    leastGain: 0,
  })
  const { hosts, vms } = problem
  const { user, system } = process.cpuUsage()
  return {
    scoreBefore: rounded(scoreBefore),
    scoreAfter: rounded(scoreAfter),
    moves: steps.map(({ vm, from, to }) => ({ vm: vms[vm] ?? '', from: hosts[from] ?? '', to: hosts[to] ?? '' })),
    placement: Object.fromEntries(vms.map((name, vm) => [name, hosts[hostOf[vm] ?? 0] ?? ''])),
    cannot: immobileVms(problem),
    capped,
    cpuSeconds: (user + system) / 1e6,
  }
}

function rounded(score: number): number {
  return Number(score.toFixed(8))
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new CliError('error', `${file} cannot be read: ${reason}`, '', { cause: error })
  }
}
