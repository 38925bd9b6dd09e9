import { candidates, toldByCandidates } from './candidates.js'
import { medianOf, quantileOf, type History } from './history.js'
import { levelShifts, withoutShifts, type LevelShift } from './level-shifts.js'

/** What will be of one figure, step by step after the last one known. */
export interface Forecast {
  /** Ms since 1970 of the first step told. */
  readonly startAt: number
  readonly stepMs: number
  /** What is as likely exceeded as not. */
  readonly p50: readonly number[]
  /** What nine in ten stay below. */
  readonly p90: readonly number[]
  readonly p10: readonly number[]
  readonly shifts: readonly LevelShift[]
  /** How the same method did on this very history: see {@link Backtest}. */
  readonly backtest: Backtest
}

/** The method, tried on the past: from each of some days it told what came after, knowing only what was before. */
export interface Backtest {
  readonly origins: number
  /** Farthest step that it was judged by. */
  readonly horizonSteps: number
  /** Mean absolute error of p50, in the figure's own unit. */
  readonly meanAbsoluteError: number
  /** The same of "as it was a season ago". */
  readonly naiveMeanAbsoluteError: number
}

export interface TooLittleHistory {
  readonly refused: 'too-little-history'
  readonly knownSteps: number
  readonly neededSteps: number
}

/** Seasons of which something must be known: two to see a season, two to try the method on. */
const leastSeasons = 4
const mostOrigins = 24
/** How much less a candidate counts whose error is greater: e to the minus this for one twice that of the best. */
const selectivity = 6
/** Of the spread, for each share of the trial that its horizon takes. */
const widening = 0.2

/**
 * Tells `horizonSteps` of a figure from its history, or refuses where there is too little of it. Jumps of the level are taken out
 * first; then some ways to go on (candidates.ts) are tried from days in the past, and what they tell is mixed by how well
 * each did (combined forecasts do better than the best one: Bates and Granger, 1969). The spread is that of the errors made
 * in that trial (conformal: no law of the noise is assumed), which grow with the distance as they were seen to.
 */
export function forecast(history: History, horizonSteps: number): Forecast | TooLittleHistory {
  const { values, seasonSteps, startAt, stepMs } = history
  const knownSteps = values.filter((value) => value !== undefined).length
  const neededSteps = leastSeasons * seasonSteps
  if (knownSteps < neededSteps) return { refused: 'too-little-history', knownSteps, neededSteps }
  const shifts = levelShifts(values, seasonSteps)
  const level = withoutShifts(values, shifts)
  const trial = tried(level, seasonSteps, Math.min(horizonSteps, Math.floor(values.length / 3)))
  const p50 = mixed(toldByCandidates(level, seasonSteps, horizonSteps), trial.weights)
  const spread = spreadOf(trial)
  return {
    startAt: startAt + values.length * stepMs,
    stepMs,
    p50,
    p90: p50.map((value, at) => value + spread.above(at + 1)),
    p10: p50.map((value, at) => value - spread.below(at + 1)),
    shifts,
    backtest: {
      origins: trial.origins,
      horizonSteps: trial.horizonSteps,
      meanAbsoluteError: trial.meanAbsoluteError,
      naiveMeanAbsoluteError: trial.naiveMeanAbsoluteError,
    },
  }
}

interface Trial {
  readonly origins: number
  readonly horizonSteps: number
  /** From the first origin to the last step known. */
  readonly spanSteps: number
  /** Of each candidate; sum 1. */
  readonly weights: readonly number[]
  /** Errors of the mixture, by distance in steps from 1. */
  readonly errors: readonly { readonly distance: number; readonly error: number }[]
  readonly meanAbsoluteError: number
  readonly naiveMeanAbsoluteError: number
}

function tried(values: readonly (number | undefined)[], seasonSteps: number, horizonSteps: number): Trial {
  // Three of each phase, if that leaves half of what is known: the median of two is no defence against one.
  const known = values.filter((value) => value !== undefined).length
  const first = afterKnown(values, Math.min(3 * seasonSteps, Math.floor(known / 2)))
  const room = values.length - 1 - first
  const count = Math.min(mostOrigins, room)
  const origins = Array.from({ length: count }, (_, at) => first + Math.round((room * at) / count))
  const told = origins.map((origin) =>
    toldByCandidates(values.slice(0, origin), seasonSteps, Math.min(horizonSteps, values.length - origin)),
  )
  const misses = candidates.map((_, candidate) => {
    let sum = 0
    let n = 0
    for (const [at, origin] of origins.entries())
      for (const [ahead, value] of (told[at]?.[candidate] ?? []).entries()) {
        const actual = values[origin + ahead]
        if (actual === undefined) continue
        sum += Math.abs(actual - value)
        n += 1
      }
    return n === 0 ? Number.POSITIVE_INFINITY : sum / n
  })
  const least = Math.min(...misses)
  // Where there is no noise at all, what is left of an error is that of the arithmetic.
  const unit = Math.max(least, 1e-9 * meanOf(values.map((value) => Math.abs(value ?? 0))), 1e-300)
  const raw = misses.map((miss) => Math.exp((-selectivity * (miss - least)) / unit))
  const total = raw.reduce((sum, weight) => sum + weight, 0)
  const weights = raw.map((weight) => weight / total)
  const errors: { distance: number; error: number }[] = []
  const naive: number[] = []
  for (const [at, origin] of origins.entries())
    for (const [ahead, value] of mixed(told[at] ?? [], weights).entries()) {
      const actual = values[origin + ahead]
      if (actual === undefined) continue
      errors.push({ distance: ahead + 1, error: actual - value })
      const back = values[origin - seasonSteps + (ahead % seasonSteps)]
      if (back !== undefined) naive.push(Math.abs(actual - back))
    }
  return {
    origins: origins.length,
    horizonSteps,
    spanSteps: room,
    weights,
    errors,
    meanAbsoluteError: meanOf(errors.map(({ error }) => Math.abs(error))),
    naiveMeanAbsoluteError: meanOf(naive),
  }
}

/** The step after which `count` figures are known. */
function afterKnown(values: readonly (number | undefined)[], count: number): number {
  let left = count
  const last = values.findIndex((value) => value !== undefined && (left -= 1) === 0)
  return last + 1
}

function mixed(told: readonly (readonly number[])[], weights: readonly number[]): number[] {
  const steps = told[0]?.length ?? 0
  return Array.from({ length: steps }, (_, at) =>
    told.reduce((sum, values, candidate) => sum + (values[at] ?? 0) * (weights[candidate] ?? 0), 0),
  )
}

/**
 * How far above and below the middle nine in ten stay, by distance in steps. Errors of days beside each other are nearly the
 * same one: where the trial holds few stretches as long as its horizon, what was seen of them is too narrow, and it is widened.
 */
function spreadOf({ errors, horizonSteps, spanSteps }: Trial): {
  above: (distance: number) => number
  below: (distance: number) => number
} {
  const widened = 1 + (widening * horizonSteps) / spanSteps
  const scaleAt = scaleByDistance(errors, horizonSteps)
  const ratios = errors.map(({ distance, error }) => error / (scaleAt(distance) || 1)).sort((a, b) => a - b)
  const up = Math.max(0, quantileOf(ratios, 0.9))
  const down = Math.max(0, -quantileOf(ratios, 0.1))
  return {
    above: (distance) => widened * up * scaleAt(distance),
    below: (distance) => widened * down * scaleAt(distance),
  }
}

/** The typical size of an error at a distance: a power of it through the medians of doubling stretches, from constant to linear. */
function scaleByDistance(errors: Trial['errors'], horizonSteps: number): (distance: number) => number {
  const points: { x: number; y: number; n: number }[] = []
  for (let from = 1; from <= horizonSteps; from *= 2) {
    const inStretch = errors.filter(({ distance }) => distance >= from && distance < 2 * from)
    const size = medianOf(inStretch.map(({ error }) => Math.abs(error)))
    if (inStretch.length > 0 && size > 0) points.push({ x: Math.log(from * Math.SQRT2), y: Math.log(size), n: 1 })
  }
  if (points.length === 0) return () => 0
  const x = meanOf(points.map((point) => point.x))
  const y = meanOf(points.map((point) => point.y))
  const across = points.reduce((sum, point) => sum + (point.x - x) ** 2, 0)
  const along = points.reduce((sum, point) => sum + (point.x - x) * (point.y - y), 0)
  const power = Math.min(1, Math.max(0, across === 0 ? 0.5 : along / across))
  return (distance) => Math.exp(y + power * (Math.log(distance) - x))
}

function meanOf(figures: readonly number[]): number {
  return figures.length === 0 ? Number.NaN : figures.reduce((sum, value) => sum + value, 0) / figures.length
}
