import type { ArrayCacheState, ArrayCondition, Interval } from '../../controller/model/array-condition.js'

/** An interval. */
export const around = (likely: number): Interval => ({ low: 0.8 * likely, likely, high: 1.25 * likely })

/** Of a box of 500 MB that drains 25 MB/s, and is four fifths full unless it is idle. */
export function arrayCondition(state: ArrayCacheState, change: Partial<ArrayCondition> = {}): ArrayCondition {
  return {
    boxId: 'joined:the box',
    at: 0,
    state,
    since: 0,
    fill: around(state === 'idle' ? 5e6 : 400e6),
    capacity: { ...around(500e6), basis: 'learnt' },
    drain: { ...around(25e6), basis: 'learnt' },
    drains: { sequential: { ...around(25e6), basis: 'learnt' } },
    loadClass: 'sequential',
    inflowBytesPerSecond: 75e6,
    secondsToSaturation: around(2),
    burst: { room: around(100e6), bulkCopyBytesPerSecond: 60e6, bulkCopies: 0, secondsForTwoCopies: around(4) },
    overflows: 1,
    observedSeconds: 100,
    ...change,
  }
}
