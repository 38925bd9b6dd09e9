import type { SpaceTrend } from '../../model/space-trend.js'

/** What a file system had at a moment. */
export interface SpacePoint {
  readonly atMs: number
  readonly sizeBytes: number
  readonly availableBytes: number
}

const dayMs = 86_400_000
const leastPoints = 6
/** Less shows what a day is like, not where it leads. */
const leastMs = dayMs
/** A file system that is made larger begins anew; its size may differ by a little of itself without that (ZFS). */
const sameSize = 0.01

/**
 * The median of the slopes between all pairs of points (Theil and Sen), so that what comes and goes (a log that is rotated, a copy that is
 * deleted again) does not count as filling. Points are in the order of time.
 * @returns undefined of too short a past
 */
export function spaceTrend(points: readonly SpacePoint[]): SpaceTrend | undefined {
  const last = points.at(-1)
  if (last === undefined) return undefined
  const otherSize = points.findLastIndex(
    ({ sizeBytes }) => Math.abs(sizeBytes - last.sizeBytes) > sameSize * last.sizeBytes,
  )
  const same = points.slice(otherSize + 1)
  const [first] = same
  const overMs = last.atMs - (first?.atMs ?? last.atMs)
  if (same.length < leastPoints || overMs < leastMs) return undefined
  const slopes = same.flatMap((from, at) =>
    same.slice(at + 1).map((to) => (from.availableBytes - to.availableBytes) / (to.atMs - from.atMs)),
  )
  return { bytesPerDay: median(slopes) * dayMs, overMs }
}

function median(values: number[]): number {
  values.sort((a, b) => a - b)
  const middle = values.length >> 1
  const upper = values[middle] ?? 0
  return values.length % 2 === 1 ? upper : ((values[middle - 1] ?? 0) + upper) / 2
}
