/** One figure over time in steps of equal length; `undefined` where nothing was told (never 0). */
export interface History {
  /** Start of the first step, ms since 1970. */
  readonly startAt: number
  readonly stepMs: number
  /** Steps after which a season repeats: 7 for days of a week, 168 for hours of a week. */
  readonly seasonSteps: number
  readonly values: readonly (number | undefined)[]
}

/** The middle of some figures, or the mean of the two in the middle; NaN of none. */
export function medianOf(figures: readonly number[]): number {
  return quantileOf(
    [...figures].sort((a, b) => a - b),
    0.5,
  )
}

/** Quantile `share` (0 to 1) of figures in ascending order, linear between two (type 7 of Hyndman and Fan, 1996); NaN of none. */
export function quantileOf(ascending: readonly number[], share: number): number {
  const place = (ascending.length - 1) * Math.min(1, Math.max(0, share))
  const below = ascending[Math.floor(place)] ?? Number.NaN
  const above = ascending[Math.ceil(place)] ?? Number.NaN
  return below + (above - below) * (place - Math.floor(place))
}
