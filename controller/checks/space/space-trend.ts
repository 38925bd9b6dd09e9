import type { SpaceTrend } from '../../model/space-trend.js'

/** What a file system had at a moment. */
export interface SpacePoint {
  readonly atMs: number
  readonly sizeBytes: number
  readonly availableBytes: number
}

/** What a past says of a file system. */
export interface SpacePast {
  readonly trends: readonly SpaceTrend[]
  /** The least that it ever had; undefined of a past that may not show all that comes and goes within a day. */
  readonly lowBytes: number | undefined
}

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const leastPoints = 6
/** Less shows what a day is like, not where it leads. */
const leastMs = dayMs
/** A file system that is made larger begins anew; its size may differ by a little of itself without that (ZFS). */
const sameSize = 0.01
/** Of late, so that what began to fill lately is not hidden by the days before. */
const lateWindowsMs = [dayMs, 6 * hourMs]

/** How a file system filled so far: over all of its past, and steadily in the last hours. Points are in the order of time. */
export function spacePast(points: readonly SpacePoint[]): SpacePast {
  const same = ofLastSize(points)
  const late = lateWindowsMs.map((windowMs) => {
    const begin = same.findIndex(({ atMs }) => atMs >= (same.at(-1)?.atMs ?? 0) - windowMs)
    return steadyTrend(same.slice(begin), windowMs, lowOf(same.slice(0, begin)))
  })
  return {
    trends: [medianTrend(same), ...late].filter((trend) => trend !== undefined),
    lowBytes: lowOf(same),
  }
}

/** The points since the size is what it is now. */
export function ofLastSize(points: readonly SpacePoint[]): readonly SpacePoint[] {
  const last = points.at(-1)
  if (last === undefined) return []
  return points.slice(points.findLastIndex((point) => !isOfOneSize(point, last)) + 1)
}

export function isOfOneSize(point: Pick<SpacePoint, 'sizeBytes'>, last: Pick<SpacePoint, 'sizeBytes'>): boolean {
  return Math.abs(point.sizeBytes - last.sizeBytes) <= sameSize * last.sizeBytes
}

/**
 * The median of the slopes between all pairs of points (Theil and Sen), so that what comes and goes (a log that is rotated, a copy that is
 * deleted again) does not count as filling; no more than what is gone now since the begin, so that it is over soon after somebody cleaned up.
 * @returns undefined of too short a past
 */
function medianTrend(points: readonly SpacePoint[]): SpaceTrend | undefined {
  const overMs = spanOf(points)
  if (points.length < leastPoints || overMs < leastMs) return undefined
  const slopes = new Float64Array((points.length * (points.length - 1)) / 2)
  let count = 0
  for (const [at, from] of points.entries()) {
    for (const to of points.slice(at + 1)) slopes[count++] = slope(from, to)
  }
  return { bytesPerDay: Math.min(median(slopes), slopeToNow(points)) * dayMs, overMs }
}

/** From the first sixth of them to the last three: one odd point at an end says nothing. */
function slopeToNow(points: readonly SpacePoint[]): number {
  return slope(middleOf(points.slice(0, Math.max(3, Math.round(points.length / 6)))), middleOf(points.slice(-3)))
}

/** Of at least one point. */
function middleOf(points: readonly SpacePoint[]): SpacePoint {
  const of = (key: keyof SpacePoint): number => median(Float64Array.from(points, (point) => point[key]))
  return { atMs: of('atMs'), sizeBytes: of('sizeBytes'), availableBytes: of('availableBytes') }
}

/**
 * How a file system fills that does so without a break: in each third of the window, the slowest of which counts, and down to where it never was
 * before. So neither a single copy counts nor what comes and goes each day or week.
 * @param lowBytes the least that it had before the window; undefined: too little is known of that
 */
export function steadyTrend(
  points: readonly SpacePoint[],
  windowMs: number,
  lowBytes: number | undefined,
): SpaceTrend | undefined {
  const last = points.at(-1)
  if (last === undefined || lowBytes === undefined || last.availableBytes >= lowBytes) return undefined
  if (!covers(points, windowMs)) return undefined
  const ends = thirds.flatMap((third) => points[Math.round((third * (points.length - 1)) / 3)] ?? [])
  const slopes = ends.slice(1).map((to, at) => slope(ends[at] ?? to, to))
  const bytesPerDay = Math.min(...slopes) * dayMs
  return bytesPerDay > 0 ? { bytesPerDay, overMs: spanOf(points) } : undefined
}

/** Whether there are points enough, over long enough, to say what is steady in a window. */
export function covers(points: readonly SpacePoint[], windowMs: number): boolean {
  return points.length >= thirds.length && spanOf(points) >= leastOfWindow * windowMs
}

/** The begin and the end of each. */
const thirds = [0, 1, 2, 3] as const
const leastOfWindow = 0.8

function lowOf(points: readonly SpacePoint[]): number | undefined {
  if (spanOf(points) < leastMs) return undefined
  return points.reduce((low, { availableBytes }) => Math.min(low, availableBytes), Infinity)
}

function spanOf(points: readonly SpacePoint[]): number {
  const [first] = points
  return (points.at(-1)?.atMs ?? 0) - (first?.atMs ?? 0)
}

/** Bytes that became less, a millisecond. */
function slope(from: SpacePoint, to: SpacePoint): number {
  return to.atMs === from.atMs ? 0 : (from.availableBytes - to.availableBytes) / (to.atMs - from.atMs)
}

/** Of at least one value, which are sorted in place. */
function median(values: Float64Array): number {
  values.sort()
  const middle = values.length >> 1
  const upper = values[middle] ?? 0
  return values.length % 2 === 1 ? upper : ((values[middle - 1] ?? 0) + upper) / 2
}
