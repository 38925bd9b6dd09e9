import { boxesOf } from '../checks/storage.js'
import type { ArrayCacheState } from '../model/array-condition.js'
import type { Policy } from '../model/policy.js'
import type { Snapshot } from '../model/snapshot.js'
import type { WatchedArray } from '../model/watched-array.js'
import type { ArrayCacheField } from '../store/measurements.js'
import type { Point } from '../store/time-series.js'

/** As they are stored. Public: add, never change. */
export const stateCodes = {
  unknown: 0,
  idle: 1,
  draining: 2,
  filling: 3,
  'near-full': 4,
  saturated: 5,
  stalled: 6,
  'write-through': 7,
} as const satisfies Record<ArrayCacheState, number>

/** What is stored of the boxes' conditions, one point each. */
export function arrayCachePoints(
  watched: ReadonlyMap<string, WatchedArray>,
  snapshot: Snapshot,
  policy: Policy,
  atMs: number,
): Point[] {
  const boxOf = boxesOf(snapshot, policy)
  return Array.from(watched, ([boxId, one]) => ({
    entity: { kind: 'array_cache', id: boxId },
    atMs,
    fields: cacheFields(one),
    labels: { name: boxOf(one.arrayKeys[0] ?? boxId).name },
  }))
}

/** The stored figures of a condition; what is not known is left out. */
export function cacheFields({ condition }: WatchedArray): Readonly<Record<string, number>> {
  const { fill, capacity, drain, inflowBytesPerSecond, burst, secondsToSaturation, state, overflows } = condition
  const isCached = state !== 'write-through'
  const fields: Readonly<Record<ArrayCacheField, number | undefined>> = {
    fillLowBytes: fill?.low,
    fillBytes: fill?.likely,
    fillHighBytes: fill?.high,
    capacityBytes: isCached ? capacity.likely : undefined,
    drainBytesPerSecond: drain.likely,
    inflowBytesPerSecond,
    roomBytes: isCached ? burst.room.likely : undefined,
    secondsToSaturation: secondsToSaturation?.likely,
    state: stateCodes[state],
    overflows,
  }
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  )
}
