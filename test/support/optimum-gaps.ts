import { rebalance } from '../../controller/planner/rebalance.js'
import { exactOptimum } from './exact-optimum.js'
import { minMaxProblem } from './min-max-problem.js'
import { brokenRules } from './plan-witness.js'

export interface OptimumGap {
  readonly seed: number
  /** How much higher than the best there is, as a share; undefined: no placement keeps all rules. */
  readonly gap: number | undefined
  /** There is a placement that keeps all rules, and the plan ends in none. */
  readonly missed: boolean
  /** Rules that a step breaks. */
  readonly broken: readonly string[]
}

/** Plans of random fleets beside what an exact solver says. */
export async function optimumGap(seed: number): Promise<OptimumGap> {
  const problem = minMaxProblem(seed)
  const best = await exactOptimum(problem)
  const plan = rebalance(problem, { seed: 1, mostMoves: undefined, effort: 1, leastGain: 0 })
  const broken = brokenRules(problem, plan.steps)
  if (best === undefined) return { seed, gap: undefined, missed: false, broken }
  // A rule that is still broken costs 10 and more.
  const missed = plan.scoreAfter >= 10
  return { seed, gap: missed || best === 0 ? undefined : plan.scoreAfter / best - 1, missed, broken }
}

export function summaryOf(gaps: readonly OptimumGap[]): {
  readonly fleets: number
  readonly feasible: number
  readonly missed: readonly number[]
  readonly medianGapPercent: number
  readonly worstGapPercent: number
} {
  const known = gaps.flatMap(({ gap }) => gap ?? []).sort((a, b) => a - b)
  const percent = (gap: number): number => Number((gap * 100).toFixed(3))
  return {
    fleets: gaps.length,
    feasible: gaps.filter(({ gap, missed }) => gap !== undefined || missed).length,
    missed: gaps.filter(({ missed }) => missed).map(({ seed }) => seed),
    medianGapPercent: percent(known[Math.floor(known.length / 2)] ?? 0),
    worstGapPercent: percent(known.at(-1) ?? 0),
  }
}
