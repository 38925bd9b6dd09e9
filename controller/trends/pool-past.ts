import type { SpacePoint } from '../checks/space/space-trend.js'
import type { RangeResult } from '../store/time-series.js'

/**
 * The past of a thin pool, as what it would have had available if it had always been as large as now: what is in it stays when it is made larger, and so does how it fills.
 * @param rows time, the largest size and the largest used share of an hour; a history of before sizes were kept has none
 */
export function poolPast(rows: RangeResult['rows'], sizeNowBytes: number): readonly SpacePoint[] {
  const points: SpacePoint[] = []
  // Until the first size that is known it was as large as that.
  let sizeBytes = rows.map(([, size]) => size).find(isNumber) ?? sizeNowBytes
  for (const [atMs, size, used] of rows) {
    const sizeThen = size ?? sizeBytes
    // Of an hour in which it is made larger nobody knows of which of the two the most was used.
    if (isNumber(atMs) && isNumber(used) && sizeThen <= sizeBytes)
      points.push({ atMs, sizeBytes: sizeNowBytes, availableBytes: sizeNowBytes - sizeThen * used })
    sizeBytes = sizeThen
  }
  return points
}

function isNumber(value: number | null | undefined): value is number {
  return typeof value === 'number'
}
