/** A write that has come back: when, and how long it took. */
export interface Write {
  readonly atMs: number
  readonly bytes: number
  readonly seconds: number
}

export interface Cliff {
  /** When the first slow write began. */
  readonly onsetMs: number
  /** What slow writes got, bytes a second. */
  readonly rate: number
}

/** A slow write takes this many times as long as usual. */
const slowFactor = 2.2
/** All of the last ones for so long, and so many. */
const slowSeconds = 0.25
const slowWrites = 3
/** The usual is that of the last ones, so many at least and at most. */
const leastUsual = 8
const mostUsual = 200
/** Of what was written before, in the last second of it: what the disks take is less. Where only the wire is busy it is not. */
const fallenShare = 0.8
const beforeMs = 1000

/**
 * Whether writers wait for the disks: the last writes all take much longer than those before, and less is written. One that is slow by itself is no cliff, and a
 * program that was not given the processor makes only one.
 */
export function cliffOf(writes: readonly Write[]): Cliff | undefined {
  if (writes.length < leastUsual + slowWrites) return undefined
  const usual = usualOf(writes)
  let from = writes.length
  while (from > 0 && slowness(writes[from - 1]) > slowFactor * usual) from -= 1
  const slow = writes.slice(from)
  const [first] = slow
  const seconds = slow.reduce((sum, one) => sum + one.seconds, 0)
  if (first === undefined || slow.length < slowWrites || seconds < slowSeconds) return undefined
  const onsetMs = first.atMs - first.seconds * 1000
  const rate = slow.reduce((sum, one) => sum + one.bytes, 0) / seconds
  return rate < fallenShare * rateBefore(writes.slice(0, from), onsetMs) ? { onsetMs, rate } : undefined
}

/** Bytes a second. */
function rateBefore(writes: readonly Write[], onsetMs: number): number {
  const last = writes.filter(({ atMs }) => atMs > onsetMs - beforeMs)
  const [first] = last
  if (first === undefined) return 0
  const ms = onsetMs - (first.atMs - first.seconds * 1000)
  return (1000 * last.reduce((sum, one) => sum + one.bytes, 0)) / ms
}

/** Seconds a byte: the lower quartile, so that slow ones do not become the usual. */
function usualOf(writes: readonly Write[]): number {
  const sorted = writes
    .slice(-mostUsual)
    .map(slowness)
    .toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 4)] ?? 0
}

function slowness(write: Write | undefined): number {
  return write === undefined || write.bytes <= 0 ? 0 : write.seconds / write.bytes
}
