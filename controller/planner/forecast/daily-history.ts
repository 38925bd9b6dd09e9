import type { History } from './history.js'

const dayMs = 86_400_000

/**
 * Days of UTC from points of any rhythm: each day is the highest figure told in it, since room has to hold the highest. Days
 * without a point are `undefined`; the day of `now`, which is not over, is left out. Empty where nothing was told.
 */
export function dailyHistory(
  points: readonly { readonly at: number; readonly value: number | undefined }[],
  now: number,
): History {
  const today = Math.floor(now / dayMs)
  const highest = new Map<number, number>()
  for (const { at, value } of points) {
    const day = Math.floor(at / dayMs)
    if (value === undefined || day >= today) continue
    highest.set(day, Math.max(value, highest.get(day) ?? Number.NEGATIVE_INFINITY))
  }
  const first = highest.size === 0 ? today : Math.min(...highest.keys())
  return {
    startAt: first * dayMs,
    stepMs: dayMs,
    seasonSteps: 7,
    values: Array.from({ length: today - first }, (_, at) => highest.get(first + at)),
  }
}
