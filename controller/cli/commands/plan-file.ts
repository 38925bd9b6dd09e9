import { readFileSync } from 'node:fs'

import { CliError } from '../cli-error.js'
import type { PlanView } from '../render/plan.js'

/** Where the fleet of a file is planned, and how. */
export interface FilePlanOptions {
  readonly from: string
  readonly util?: string | undefined
  readonly ignoreDynu?: boolean | undefined
  readonly maxMoves?: number | undefined
  readonly seed: number
  readonly effort: number
}

/** @throws ConfigError: what is wrong with the files */
export async function planOfFile({
  from,
  util,
  ignoreDynu = false,
  maxMoves,
  seed,
  effort,
}: FilePlanOptions): Promise<PlanView> {
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
