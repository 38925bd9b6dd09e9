import { forecast } from '../../controller/planner/forecast/forecast.js'
import { judged, noScore, type Score } from './judge.js'
import { kinds, synthetic } from './synthetic.js'

/** Days shown, and days told from them. */
export const spans = [
  { known: 60, ahead: 30 },
  { known: 120, ahead: 60 },
  { known: 90, ahead: 90 },
  { known: 200, ahead: 90 },
] as const

/** Forecasts `count` made-up histories of each kind and span: a score by kind. */
export function trial(seed: number, count: number): Map<string, Score> {
  const scores = new Map<string, Score>()
  for (const { known, ahead } of spans)
    for (const kind of kinds)
      for (let round = 0; round < count; round += 1) {
        const values = synthetic(kind, seed * 100_003 + round * 31 + known, known, known + ahead)
        const shown = values.slice(0, known)
        const told = forecast({ startAt: 0, stepMs: 86_400_000, seasonSteps: 7, values: shown }, ahead)
        if ('refused' in told) continue
        scores.set(kind, judged(scores.get(kind) ?? noScore, told, shown, values.slice(known)))
      }
  return scores
}

/** Shares and ratio of a score, as the bars name them. */
export function inBars({ days, belowP90, aboveP10, loss, naiveLoss }: Score) {
  return {
    days,
    p90CoveragePercent: round((100 * belowP90) / days, 1),
    p10CoveragePercent: round((100 * aboveP10) / days, 1),
    lossOfNaive: round(loss / naiveLoss, 3),
  }
}

/** The sum of some scores. */
export function together(scores: Iterable<Score>): Score {
  let sum = noScore
  for (const score of scores)
    sum = {
      days: sum.days + score.days,
      belowP90: sum.belowP90 + score.belowP90,
      aboveP10: sum.aboveP10 + score.aboveP10,
      loss: sum.loss + score.loss,
      naiveLoss: sum.naiveLoss + score.naiveLoss,
    }
  return sum
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
