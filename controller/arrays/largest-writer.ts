import type { ArrayTick } from '../model/array-condition.js'

/** What one bulk copy may write, by the fastest that was seen. */
export interface LargestWriter {
  /** Without a pause, and without being slowed. */
  readonly seconds: number
  readonly meanBytesPerSecond: number
  /** The most that one wrote for a while; 0: none was seen. */
  readonly mostBytesPerSecond: number
  /** How many wrote so. */
  readonly runs: number
}

export const noWriter: LargestWriter = { seconds: 0, meanBytesPerSecond: 0, mostBytesPerSecond: 0, runs: 0 }

/** Slower ones are no bulk copies. */
const leastBytesPerSecond = 10e6
const sustainedSeconds = 3
const meanSeconds = 2
const memorySeconds = 30 * 86_400
/** By the wire: what one gigabit carries. Counts until so many were seen that the fastest of them says what is usual. */
const wireBytesPerSecond = 100e6
const tellingRuns = 5

/** Writers that a full cache slows say nothing of what they could. */
export function writerAfter(before: LargestWriter, tick: ArrayTick, isSlowed: boolean): LargestWriter {
  const { largestWriterBytes, seconds } = tick
  const most = faded(before.mostBytesPerSecond, seconds)
  if (largestWriterBytes === undefined) return { ...before, mostBytesPerSecond: most }
  const rate = largestWriterBytes / seconds
  const isFirst = before.seconds === 0
  const part = isFirst ? 1 : Math.min(1, seconds / meanSeconds)
  const mean = before.meanBytesPerSecond + part * (rate - before.meanBytesPerSecond)
  if (isSlowed) return slowed(before, most)
  if (mean < leastBytesPerSecond) {
    const { meanBytesPerSecond, runs } = before
    return { seconds: 0, meanBytesPerSecond, mostBytesPerSecond: most, runs }
  }
  const run = before.seconds + seconds
  const counts = run >= sustainedSeconds
  return {
    seconds: run,
    meanBytesPerSecond: mean,
    mostBytesPerSecond: counts ? Math.max(most, mean) : most,
    runs: before.runs + (counts && before.seconds < sustainedSeconds ? 1 : 0),
  }
}

/** Whoever fills the cache within a second or two is a bulk copy that had no time to show it. */
function slowed(before: LargestWriter, mostBytesPerSecond: number): LargestWriter {
  const { seconds, meanBytesPerSecond, runs } = before
  const isCutShort = seconds > 0 && seconds < sustainedSeconds && meanBytesPerSecond >= leastBytesPerSecond
  return {
    seconds: 0,
    meanBytesPerSecond,
    mostBytesPerSecond: isCutShort ? Math.max(mostBytesPerSecond, meanBytesPerSecond) : mostBytesPerSecond,
    runs: runs + (isCutShort ? 1 : 0),
  }
}

/** Forgotten over a month, but what was a bulk copy stays as fast as one. */
function faded(mostBytesPerSecond: number, seconds: number): number {
  if (mostBytesPerSecond === 0) return 0
  return Math.max(leastBytesPerSecond, mostBytesPerSecond * Math.exp(-seconds / memorySeconds))
}

export function bulkCopyOf({ mostBytesPerSecond, runs }: LargestWriter): number {
  return runs >= tellingRuns ? mostBytesPerSecond : Math.max(wireBytesPerSecond, mostBytesPerSecond)
}
