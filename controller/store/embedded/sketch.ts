/*
 * A histogram whose buckets are as wide as what they hold is large: eight to each power of two. It tells quantiles of any number
 * of values, and histograms of parts add up to that of the whole. (The idea is that of HdrHistogram and DDSketch.)
 */

/** Count of values by bucket. */
export type Sketch = ReadonlyMap<number, number>

/** A quantile of a sketch differs from that of the values by this share at most. */
export const sketchError = 1 / 16

const bits = 3
const word = new Float64Array(1)
const halves = new Uint32Array(word.buffer)
/** Which half of a double has sign and exponent. */
word[0] = 1
const high = halves[1] === 0 ? 0 : 1
const shift = 20 - bits

/** Ascending with the value; 0 is a bucket of its own. */
export function sketchBucket(value: number): number {
  word[0] = Math.abs(value)
  const bucket = (halves[high] ?? 0) >>> shift
  return value < 0 ? -bucket : bucket
}

/** The middle of a bucket. */
export function bucketValue(bucket: number): number {
  if (bucket === 0) return 0
  const size = Math.abs(bucket)
  const middle = (edge(size) + edge(size + 1)) / 2
  return bucket < 0 ? -middle : middle
}

function edge(bucket: number): number {
  halves[1 - high] = 0
  halves[high] = bucket << shift
  return word[0] ?? 0
}

/** NaN is no value. */
export function sketchOf(values: Iterable<number>): Sketch {
  const sketch = new Map<number, number>()
  for (const value of values) if (!Number.isNaN(value)) addToSketch(sketch, sketchBucket(value), 1)
  return sketch
}

export function addToSketch(sketch: Map<number, number>, bucket: number, count: number): void {
  sketch.set(bucket, (sketch.get(bucket) ?? 0) + count)
}

/** The value below which (or at which) lies that share of all: nearest rank. Undefined if there are none. */
export function sketchQuantile(sketch: Sketch, share: number): number | undefined {
  let total = 0
  for (const count of sketch.values()) total += count
  let rank = rankOf(share, total)
  for (const [bucket, count] of [...sketch].sort(([a], [b]) => a - b)) {
    rank -= count
    if (rank <= 0) return bucketValue(bucket)
  }
  return undefined
}

/** The same of values themselves, which it sorts. */
export function exactQuantile(values: number[], share: number): number | undefined {
  return values.sort((a, b) => a - b)[rankOf(share, values.length) - 1]
}

function rankOf(share: number, total: number): number {
  return Math.max(1, Math.ceil(share * total))
}
