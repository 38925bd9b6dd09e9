import type { Forecast } from '../../controller/planner/forecast/forecast.js'
import { quantileOf } from '../../controller/planner/forecast/history.js'

/** Sums over many told days; see {@link judged}. */
export interface Score {
  readonly days: number
  readonly belowP90: number
  readonly aboveP10: number
  /** Pinball loss of p10, p50 and p90 (Koenker and Bassett, 1978), and the same of the seasonal naive forecast. */
  readonly loss: number
  readonly naiveLoss: number
}

export const noScore: Score = { days: 0, belowP90: 0, aboveP10: 0, loss: 0, naiveLoss: 0 }

/**
 * Adds to `score` how a forecast did. Beside it stands the seasonal naive one: the last known figure of the same day of the week,
 * with the quantiles of what changed over as many weeks in the history (its median taken for none).
 */
export function judged(
  score: Score,
  told: Pick<Forecast, 'p10' | 'p50' | 'p90'>,
  known: readonly (number | undefined)[],
  actual: readonly (number | undefined)[],
): Score {
  const changes = new Map<number, number[]>()
  let { days, belowP90, aboveP10, loss, naiveLoss } = score
  for (const [at, value] of actual.entries()) {
    if (value === undefined) continue
    const p10 = told.p10[at] ?? Number.NaN
    const p50 = told.p50[at] ?? Number.NaN
    const p90 = told.p90[at] ?? Number.NaN
    const weeks = Math.min(Math.floor(at / 7) + 1, Math.floor(known.length / 14))
    const spread = changes.get(weeks) ?? changesOver(known, weeks)
    changes.set(weeks, spread)
    const base = lastOfWeekday(known, known.length + at)
    days += 1
    belowP90 += value <= p90 ? 1 : 0
    aboveP10 += value >= p10 ? 1 : 0
    loss += pinball(0.1, value, p10) + pinball(0.5, value, p50) + pinball(0.9, value, p90)
    naiveLoss +=
      pinball(0.1, value, base + quantileOf(spread, 0.1)) +
      pinball(0.5, value, base) +
      pinball(0.9, value, base + quantileOf(spread, 0.9))
  }
  return { days, belowP90, aboveP10, loss, naiveLoss }
}

function pinball(share: number, actual: number, told: number): number {
  return actual >= told ? share * (actual - told) : (1 - share) * (told - actual)
}

function lastOfWeekday(known: readonly (number | undefined)[], step: number): number {
  for (let at = step; at >= 0; at -= 7) {
    const value = known[at]
    if (value !== undefined) return value
  }
  return known.findLast((value) => value !== undefined) ?? Number.NaN
}

/** Ascending changes over `weeks`; over one where a gap leaves none. */
function changesOver(known: readonly (number | undefined)[], weeks: number): number[] {
  const changes = known.flatMap((value, step) => {
    const before = known[step - 7 * weeks]
    return value === undefined || before === undefined ? [] : [value - before]
  })
  return changes.length > 0 || weeks === 1 ? changes.sort((a, b) => a - b) : changesOver(known, 1)
}
