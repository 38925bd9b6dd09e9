import { medianOf } from './history.js'

/** What a figure does besides noise: a straight line and a pattern that repeats. */
export interface TrendAndSeason {
  /** Change a step. */
  readonly slope: number
  /** What each phase of the season adds; sums to about 0. */
  readonly season: readonly number[]
  /** What is left of each step without both and without spikes, `undefined` where nothing was told. */
  readonly rest: readonly (number | undefined)[]
}

/**
 * Takes a line and a season off `values`. The slope is the median of the slopes between all steps that are whole seasons
 * apart (Theil 1950, Sen 1968; by season: Hirsch, Slack, Smith 1982), so that the season cancels and an outlier in four
 * does not matter; the season is the median of each phase of what is left.
 */
export function trendAndSeason(values: readonly (number | undefined)[], seasonSteps: number): TrendAndSeason {
  const slope = slopeBySeason(values, seasonSteps)
  const level = values.map((value, step) => (value === undefined ? undefined : value - slope * step))
  const middle = medianOf(level.filter((value) => value !== undefined))
  const season = Array.from({ length: seasonSteps }, (_, phase) => {
    const ofPhase = level.filter((value, step) => value !== undefined && step % seasonSteps === phase)
    return ofPhase.length === 0 ? 0 : medianOf(ofPhase.filter((value) => value !== undefined)) - middle
  })
  const mean = season.reduce((sum, value) => sum + value, 0) / seasonSteps
  const centred = season.map((value) => value - mean)
  return {
    slope,
    season: centred,
    rest: withoutSpikes(
      level.map((value, step) => (value === undefined ? undefined : value - (centred[step % seasonSteps] ?? 0))),
    ),
  }
}

/** Pairs looked at for one slope, so that a year of hours does not take seconds. */
const mostPairs = 4_000

function slopeBySeason(values: readonly (number | undefined)[], seasonSteps: number): number {
  const pairs = (values.length * values.length) / 2 / seasonSteps
  const stride = seasonSteps * Math.max(1, Math.ceil(pairs / mostPairs))
  const slopes: number[] = []
  for (let distance = stride; distance < values.length; distance += stride)
    for (let step = 0; step + distance < values.length; step += 1) {
      const from = values[step]
      const to = values[step + distance]
      if (from !== undefined && to !== undefined) slopes.push((to - from) / distance)
    }
  return slopes.length === 0 ? 0 : medianOf(slopes)
}

/** Steps on either side of one that tell whether it is a spike, and how far off it is then, in standard deviations. */
const spikeReach = 3
const spikeDeviations = 4

/** Replaces what stands far off all its neighbours by their median (Hampel's filter); what stays is a step, and is left. */
function withoutSpikes(values: readonly (number | undefined)[]): (number | undefined)[] {
  return values.map((value, step) => {
    if (value === undefined) return undefined
    const around = values
      .slice(Math.max(0, step - spikeReach), step + spikeReach + 1)
      .filter((neighbour) => neighbour !== undefined)
    const middle = medianOf(around)
    const deviation = 1.4826 * medianOf(around.map((neighbour) => Math.abs(neighbour - middle)))
    return Math.abs(value - middle) > spikeDeviations * deviation ? middle : value
  })
}
