import type { Write } from './cliff.js'

/** The cache was filled until it was full. Times are milliseconds. */
export interface Fill {
  readonly fromMs: number
  /** When it was full. */
  readonly onsetMs: number
  readonly endMs: number
  /** All of it, until it was stopped. */
  readonly writes: readonly Write[]
  /** Nothing was in the cache before, as far as can be known. */
  readonly fromEmpty: boolean
  /** What writes got when it was full, bytes a second: few, so about. */
  readonly plateau: number
}

/** In bytes as hosts write them. Spreads are deviations of the logarithm. */
export interface Learnt {
  readonly capacityBytes: number
  readonly capacitySpread: number
  readonly drainBytesPerSecond: number
  readonly drainSpread: number
  /** How often the cache was full. */
  readonly overflows: number
}

const leastSpread = 0.05
/** Where a second way of learning it is missing. */
const aloneSpread = 0.15

/** What fills tell; the drain is undefined after one alone. */
export function figuresOf(
  fills: readonly Fill[],
): Omit<Learnt, 'drainBytesPerSecond'> & { readonly drainBytesPerSecond: number | undefined } {
  const rates = fills.slice(1).flatMap((fill, index) => {
    const before = fills[index]
    return before === undefined || fill.fromEmpty ? [] : [drained(before, fill)]
  })
  const [seconds, bytes] = [sum(rates.map((one) => one.seconds)), sum(rates.map((one) => one.bytes))]
  const drain = seconds > 0 ? bytes / seconds : undefined
  const empty = fills.filter(({ fromEmpty }) => fromEmpty).map((fill) => takenBy(fill, drain ?? fill.plateau))
  // The last one: of the first nobody knows what was in the cache.
  const capacityBytes = empty.at(-1) ?? 0
  return {
    capacityBytes,
    capacitySpread: spreadOf(empty),
    drainBytesPerSecond: drain,
    drainSpread: spreadOf(rates.map((one) => one.bytes / one.seconds)),
    overflows: fills.length,
  }
}

/** From one moment at which it was full to the next it takes what drains. */
function drained(before: Fill, after: Fill): { readonly bytes: number; readonly seconds: number } {
  const late = before.writes.filter(({ atMs }) => atMs > before.onsetMs)
  const early = after.writes.filter(({ atMs }) => atMs <= after.onsetMs)
  const bytes = sum([...late, ...early].map((write) => write.bytes))
  return { bytes, seconds: (after.onsetMs - before.onsetMs) / 1000 }
}

/** What is in an empty cache when it is full: a leaky bucket. */
function takenBy({ fromMs, onsetMs, writes }: Fill, drain: number): number {
  let fill = 0
  let lastMs = fromMs
  for (const { atMs, bytes } of writes) {
    if (atMs > onsetMs) break
    fill = Math.max(0, fill - (drain * (atMs - lastMs)) / 1000) + bytes
    lastMs = atMs
  }
  return fill
}

function spreadOf(values: readonly number[]): number {
  if (values.length < 2) return aloneSpread
  const logs = values.map(Math.log)
  return Math.max(leastSpread, (Math.max(...logs) - Math.min(...logs)) / 2)
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
