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
/** Where a second time is missing. */
const aloneSpread = 0.15
/** Logarithm: two times that differ by more were not both what they seemed. */
const agreeing = 0.2

export interface Figures extends Omit<Learnt, 'drainBytesPerSecond' | 'capacityBytes'> {
  /** Undefined: no two times agree. */
  readonly drainBytesPerSecond: number | undefined
  /** Of the last time, which agrees with the one before if `isCapacitySure`. */
  readonly capacityBytes: number
  readonly isCapacitySure: boolean
}

/** What fills tell: the last two that agree with each other count, as a write that was slow for another reason looks like a full cache. */
export function figuresOf(fills: readonly Fill[]): Figures {
  const rates = fills.slice(1).flatMap((fill, index) => {
    const before = fills[index]
    return before === undefined || fill.fromEmpty ? [] : [drained(before, fill)]
  })
  const drains = lastAgreeing(rates)
  const drain = drains === undefined ? undefined : Math.sqrt(drains[0] * drains[1])
  const sizes = fills
    .filter(({ fromEmpty }) => fromEmpty)
    .map((fill) => takenBy(fill, drain ?? rates.at(-1) ?? fill.plateau))
  const sure = lastAgreeing(sizes.slice(-2))
  return {
    drainBytesPerSecond: drain,
    drainSpread: drains === undefined ? aloneSpread : spreadOf(drains),
    capacityBytes: sizes.at(-1) ?? 0,
    capacitySpread: sure === undefined ? aloneSpread : spreadOf(sure),
    isCapacitySure: sure !== undefined,
    overflows: fills.length,
  }
}

/** Of values that follow one another. */
function lastAgreeing(values: readonly number[]): readonly [number, number] | undefined {
  for (let index = values.length - 1; index > 0; index -= 1) {
    const [a, b] = [values[index - 1], values[index]]
    if (a !== undefined && b !== undefined && Math.abs(Math.log(a / b)) <= agreeing) return [a, b]
  }
  return undefined
}

function spreadOf([a, b]: readonly [number, number]): number {
  return Math.max(leastSpread, Math.abs(Math.log(a / b)) / 2)
}

/** From one moment at which it was full to the next it takes what drains: bytes a second. */
function drained(before: Fill, after: Fill): number {
  const late = before.writes.filter(({ atMs }) => atMs > before.onsetMs)
  const early = after.writes.filter(({ atMs }) => atMs <= after.onsetMs)
  const bytes = sum([...late, ...early].map((write) => write.bytes))
  return (1000 * bytes) / (after.onsetMs - before.onsetMs)
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

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
