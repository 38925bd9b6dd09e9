import type { Interval } from '../model/array-condition.js'

/** The middle of what all guesses say, and the bounds that leave a tenth of them out at either side. */
export function intervalOf(values: readonly number[]): Interval {
  const sorted = new Float64Array(values).sort()
  return { low: quantile(sorted, 0.1), likely: quantile(sorted, 0.5), high: quantile(sorted, 0.9) }
}

function quantile(sorted: Float64Array, part: number): number {
  const place = part * (sorted.length - 1)
  const below = sorted[Math.floor(place)] ?? 0
  const above = sorted[Math.ceil(place)] ?? below
  return below + (above - below) * (place - Math.floor(place))
}
