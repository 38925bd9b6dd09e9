import { trendAndSeason } from './trend-and-season.js'

/** One way to go on from what was: how much of the history and of its slope it believes in, and how fast its level forgets. */
export interface Candidate {
  /** Share of the history that it looks at, the last part. */
  readonly share: number
  /** Share of the slope found there that goes on. */
  readonly slopeShare: number
  /** Weight of the newest step in the level, 0 to 1 (simple exponential smoothing). */
  readonly forgetting: number
}

/** From one that takes all for noise around one line to one that believes the last days alone. */
export const candidates: readonly Candidate[] = [1, 0.5].flatMap((share) =>
  [0, 0.5, 1].flatMap((slopeShare) => [0.02, 0.1, 0.3, 0.8].map((forgetting) => ({ share, slopeShare, forgetting }))),
)

/**
 * What each candidate tells for the steps 1 to `horizonSteps` after the last of `values`: rows by candidate. Phases of the
 * season count from the first of `values`.
 */
export function toldByCandidates(
  values: readonly (number | undefined)[],
  seasonSteps: number,
  horizonSteps: number,
): number[][] {
  const byShare = new Map(
    [...new Set(candidates.map(({ share }) => share))].map((share) => {
      const first = firstOfShare(values, share, seasonSteps)
      return [share, { first, ...trendAndSeason(values.slice(first), seasonSteps) }]
    }),
  )
  return candidates.map(({ share, slopeShare, forgetting }) => {
    const found = byShare.get(share)
    if (found === undefined) return []
    const { first, slope, season, rest } = found
    // The part of the slope that is not believed in is in the level.
    const unbelieved = slope * (1 - slopeShare)
    const level = smoothed(
      rest.map((value, step) => (value === undefined ? undefined : value + unbelieved * step)),
      forgetting,
    )
    const last = values.length - 1 - first
    return Array.from({ length: horizonSteps }, (_, at) => {
      const step = last + 1 + at
      return level + slope * slopeShare * step + (season[step % seasonSteps] ?? 0)
    })
  })
}

/** Exponentially weighted mean of what was told, the newest at its end; the first weighs as many as it stands for. */
function smoothed(values: readonly (number | undefined)[], forgetting: number): number {
  let sum = 0
  let weight = 0
  for (const value of values) {
    if (value === undefined) continue
    sum = sum * (1 - forgetting) + value
    weight = weight * (1 - forgetting) + 1
  }
  return weight === 0 ? Number.NaN : sum / weight
}

/** First step of the last whole seasons that hold `share` of what was told: a long gap must not leave a candidate with nothing. */
function firstOfShare(values: readonly (number | undefined)[], share: number, seasonSteps: number): number {
  const known = values.filter((value) => value !== undefined).length
  const wanted = Math.max(Math.min(known, 2 * seasonSteps), known * share)
  let first = values.length
  for (let left = wanted; left > 0 && first > 0; first -= 1) if (values[first - 1] !== undefined) left -= 1
  return Math.max(0, values.length - Math.ceil((values.length - first) / seasonSteps) * seasonSteps)
}
