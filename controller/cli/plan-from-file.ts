import { CliError } from './cli-error.js'
import { type FleetFormat, readFleet, readText } from './fleet-input.js'
import type { PlanView } from './render/plan.js'
import type { Problem } from '../planner/problem.js'
import type { Remains } from '../planner/fleet-file/fleet-remains.js'

export interface PlanOptions {
  readonly from: string
  readonly format: FleetFormat
  readonly util?: string
  readonly ignoreDynu?: boolean
  readonly vcpusPerCore?: number
  readonly maxMoves?: number
  readonly seed: number
  readonly effort: number
}

interface Input {
  readonly problem: Problem
  readonly leastGain: number
  readonly remains: (hostOf: ReadonlyMap<string, string>) => readonly Remains[]
}

/** Plans for a fleet in a file. @throws ConfigError: what is wrong with the files */
export async function planFromFile(options: PlanOptions): Promise<PlanView> {
  const [{ rebalance }, { immobileVms }] = await Promise.all([
    import('../planner/rebalance.js'),
    import('../planner/immobile.js'),
  ])
  const { problem, leastGain, remains } = await inputOf(options)
  const { seed, maxMoves, effort } = options
  const plan = rebalance(problem, { seed, mostMoves: maxMoves, effort, leastGain })
  const { hosts, vms } = problem
  const placement = vms.map((name, vm): [string, string] => [name, hosts[plan.hostOf[vm] ?? 0] ?? ''])
  const { user, system } = process.cpuUsage()
  return {
    scoreBefore: rounded(plan.scoreBefore),
    scoreAfter: rounded(plan.scoreAfter),
    moves: plan.steps.map(({ vm, from, to }) => ({ vm: vms[vm] ?? '', from: hosts[from] ?? '', to: hosts[to] ?? '' })),
    placement: Object.fromEntries(placement),
    cannot: immobileVms(problem),
    remains: remains(new Map(placement)),
    capped: plan.capped,
    cpuSeconds: (user + system) / 1e6,
  }
}

/** A plan of a fleet with rules has to gain as much; hbal's score has costs of its own nowhere. */
const leastGainOfFleet = 0.01

async function inputOf({ from, format, util, ignoreDynu = false, vcpusPerCore }: PlanOptions): Promise<Input> {
  const input = await readFleet(from, format)
  if (input.format === 'fleet') {
    if (util !== undefined || ignoreDynu)
      throw new CliError('usage', '--util and --ignore-dynu go with --format ganeti', '')
    const [{ fleetProblem }, { remainsOf }] = await Promise.all([
      import('../planner/fleet-file/fleet-problem.js'),
      import('../planner/fleet-file/fleet-remains.js'),
    ])
    const problem = fleetProblem(input.spec, { vcpusPerCore })
    return { problem, leastGain: leastGainOfFleet, remains: (hostOf) => remainsOf(input.spec, hostOf) }
  }
  const [{ parseUtilisation }, { ganetiProblem }] = await Promise.all([
    import('../planner/ganeti/utilisation.js'),
    import('../planner/ganeti/ganeti-problem.js'),
  ])
  const names = new Set(input.cluster.instances.map(({ name }) => name))
  const loads = util === undefined ? new Map<string, never>() : parseUtilisation(readText(util), names, util)
  return { problem: ganetiProblem(input.cluster, ignoreDynu ? undefined : loads), leastGain: 0, remains: () => [] }
}

function rounded(score: number): number {
  return Number(score.toFixed(8))
}
