import type { ArrayTick } from '../model/array-condition.js'

/** What one bulk copy may write, by the fastest that was seen. */
export interface LargestWriter {
  /** Without a pause. */
  readonly seconds: number
  readonly meanBytesPerSecond: number
  /** The most that one wrote for a while; 0: none was seen. */
  readonly mostBytesPerSecond: number
}

export const noWriter: LargestWriter = { seconds: 0, meanBytesPerSecond: 0, mostBytesPerSecond: 0 }

/** Slower ones are no bulk copies. */
const leastBytesPerSecond = 10e6
/** Shorter ones are no copies. */
const sustainedSeconds = 6
const meanSeconds = 3
const memorySeconds = 30 * 86_400

/** Writers that a full cache slows say nothing of what they could. */
export function writerAfter(before: LargestWriter, tick: ArrayTick, isSlowed: boolean): LargestWriter {
  const { largestWriterBytes, seconds } = tick
  const mostBytesPerSecond = before.mostBytesPerSecond * Math.exp(-seconds / memorySeconds)
  if (largestWriterBytes === undefined) return { ...before, mostBytesPerSecond }
  const rate = largestWriterBytes / seconds
  if (before.seconds === 0) return { seconds, meanBytesPerSecond: rate, mostBytesPerSecond }
  const mean = before.meanBytesPerSecond + Math.min(1, seconds / meanSeconds) * (rate - before.meanBytesPerSecond)
  if (mean < leastBytesPerSecond) return { seconds: 0, meanBytesPerSecond: mean, mostBytesPerSecond }
  const writes = before.seconds + seconds
  const counts = writes >= sustainedSeconds && !isSlowed
  return {
    seconds: writes,
    meanBytesPerSecond: mean,
    mostBytesPerSecond: counts ? Math.max(mostBytesPerSecond, mean) : mostBytesPerSecond,
  }
}
