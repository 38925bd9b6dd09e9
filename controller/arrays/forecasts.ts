import type { Interval } from '../model/array-condition.js'

/**
 * How well it was foretold when the cache would be full, so that what is foretold next is corrected by it: destage of which the guesses
 * know nothing makes all of them wrong in the same way. The width follows adaptive conformal inference (Gibbs and Candes, 2021): it grows
 * with each forecast that did not hold and shrinks with each that did, until one in five does not.
 */
export interface Forecasts {
  /** Exponent of how far bounds lie from what is likely; 1: as the guesses say. */
  readonly width: number
  /** Of the last seconds in which the cache filled, uncorrected; the newest last. */
  readonly recent: readonly Forecast[]
}

interface Forecast extends Interval {
  readonly at: number
}

export const noForecasts: Forecasts = { width: 1, recent: [] }

const mostRecent = 20
const missedShare = 0.2
const widthNews = 0.7
const widthRange = [0.7, 6] as const
/** No two numbers are nearer than what a second of the beginning or the end is worth. */
const leastSpread = 0.05
/** A cliff is seen about this long after it came. */
const seenAfterMs = 1000

export function corrected(raw: Interval, { width }: Forecasts): Interval {
  const { likely } = raw
  return {
    low: likely * Math.min(factorOf(raw.low, likely, width), 1 - leastSpread),
    likely,
    high: likely * Math.max(factorOf(raw.high, likely, width), 1 + leastSpread),
  }
}

function factorOf(bound: number, likely: number, width: number): number {
  return likely > 0 ? (bound / likely) ** width : 1
}

/** What is foretold now; undefined: it does not fill, and what was foretold came to nothing. */
export function foretold(before: Forecasts, raw: Interval | undefined, at: number): Forecasts {
  if (raw === undefined) return before.recent.length === 0 ? before : { ...before, recent: [] }
  const recent = before.recent.slice(1 - mostRecent)
  recent.push({ low: raw.low, likely: raw.likely, high: raw.high, at })
  return { width: before.width, recent }
}

/** The cache is full now. */
export function judged(before: Forecasts, at: number): Forecasts {
  const { width, recent } = before
  let count = 0
  let missed = 0
  for (const forecast of recent) {
    const left = (at - forecast.at - seenAfterMs) / 1000
    if (left < 1) continue
    const { low, high } = corrected(forecast, before)
    count += 1
    if (left < low || left > high) missed += 1
  }
  if (count === 0) return { width, recent: [] }
  const after = width * Math.exp(widthNews * (missed / count - missedShare))
  return { width: Math.max(widthRange[0], Math.min(widthRange[1], after)), recent: [] }
}
