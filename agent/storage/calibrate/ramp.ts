import { cliffOf, type Cliff, type Write } from './cliff.js'
import { figuresOf, type Fill, type Learnt } from './figures.js'

/**
 * What a calibration does next, by what it has seen: it fills the array's write cache with writes that become faster and faster until they
 * get slow, and stops at once; what is written until they are slow again after a rest is what has drained meanwhile; and once the cache must
 * be empty, what it takes until they are slow is its size. Beside it a canary writes little: when that waits for long, nothing is written
 * any more. Pure: times are milliseconds of a monotonic clock, sizes bytes.
 */

export interface RampBounds {
  readonly mostBytes: number
  readonly mostSeconds: number
  readonly mostBytesPerSecond: number
  /** Of one fill: more would write over what may still be in the cache, which costs no room there. */
  readonly mostFillBytes: number
}

export type Seen =
  | { readonly kind: 'wrote'; readonly atMs: number; readonly bytes: number; readonly seconds: number }
  | { readonly kind: 'canary'; readonly atMs: number; readonly seconds: number }
  /** The canary's write, or one of ours, is under way for so long. */
  | { readonly kind: 'waits'; readonly atMs: number; readonly seconds: number }
  | { readonly kind: 'time'; readonly atMs: number }

export type Step =
  | { readonly do: 'rest' }
  | { readonly do: 'write'; readonly bytesPerSecond: number }
  | { readonly do: 'stop'; readonly result: RampResult }

export type RampResult =
  | ({ readonly outcome: 'learnt' } & Learnt)
  /** It took so much and did not overflow: its cache is larger, or its disks are faster. */
  | { readonly outcome: 'never-full'; readonly bytes: number; readonly seconds: number }
  | { readonly outcome: 'aborted'; readonly reason: string }

export interface Ramp {
  readonly bounds: RampBounds
  readonly beganMs: number
  readonly phase: Phase
  readonly bytes: number
  /** Canary's times while nothing was written, seconds; the median of them. */
  readonly calm: readonly number[]
  readonly calmSeconds: number | undefined
  /** Its last times. */
  readonly lately: readonly { readonly atMs: number; readonly seconds: number }[]
  /** What is written at most; less after others waited though the cache was not full. */
  readonly ceiling: number
  readonly fills: readonly Fill[]
  readonly result: RampResult | undefined
}

type Phase = { readonly name: 'calm' } | Filling | Resting

interface Filling {
  readonly name: 'fill'
  readonly fromMs: number
  readonly writes: readonly Write[]
  readonly bytes: number
  readonly fromEmpty: boolean
  readonly pausedUntilMs: number
}

interface Resting {
  readonly name: 'rest'
  readonly untilMs: number
  readonly emptiesIt: boolean
}

export function beginRamp(bounds: RampBounds, atMs: number): Ramp {
  const { mostBytesPerSecond: ceiling } = bounds
  return {
    bounds,
    beganMs: atMs,
    phase: { name: 'calm' },
    bytes: 0,
    calm: [],
    calmSeconds: undefined,
    lately: [],
    ceiling,
    fills: [],
    result: undefined,
  }
}

const calmMs = 8000
const leastCalm = 20
/** Of the two halves of the calm time: by more than this it was not quiet. */
const quietFactor = 2.5
/** An array that is this slow for a small write has enough to do. */
const busySeconds = 0.25

/** Others may wait this many times as long as usual, and that only for a moment. */
const waitFactor = 3
/** What is shorter nobody takes for waiting, whatever the usual is. */
const noticedSeconds = 0.005
/** The canary's last times, all of them too long, that make it go slower. */
const tooLongRun = 6
/** So many that are long beside the usual do so too, though nobody would notice one of them: at 50 ms each, a second. */
const longRun = 16
/** Clocks and schedulers make that of nothing. */
const countedSeconds = 0.0005
/** One that takes so long ends a fill at once; and everything, if it takes as long as this. */
const longSeconds = 0.5
const stuckSeconds = 5

const firstBytesPerSecond = 16e6
const leastBytesPerSecond = 4e6
const doubledEveryMs = 1000

/** It is full so often at most, until figures agree. */
const mostFills = 9
/** Nothing is written for so long where others wait though the cache is not full, and then less. */
const pauseMs = 1000
const slower = 0.6
/** Of what was taken at first: so much should drain in the rest before a refill. */
const restShare = 0.4
const restSeconds = { least: 0.5, most: 60, empty: 2 } as const
/** Longer than it should take to empty. */
const emptyFactor = 1.3

export function see(before: Ramp, seen: Seen): { readonly ramp: Ramp; readonly step: Step } {
  const ramp = before.result === undefined ? withEnd(taken(before, seen), seen.atMs) : before
  return { ramp, step: stepOf(ramp, seen.atMs) }
}

function stepOf({ result, phase, ceiling }: Ramp, atMs: number): Step {
  if (result !== undefined) return { do: 'stop', result }
  if (phase.name !== 'fill' || atMs < phase.pausedUntilMs) return { do: 'rest' }
  return { do: 'write', bytesPerSecond: Math.min(ceiling, rateAt(phase.fromMs, atMs)) }
}

function rateAt(fromMs: number, atMs: number): number {
  return firstBytesPerSecond * 2 ** Math.floor((atMs - fromMs) / doubledEveryMs)
}

function taken(ramp: Ramp, seen: Seen): Ramp {
  switch (seen.kind) {
    case 'wrote':
      return wrote({ ...ramp, bytes: ramp.bytes + seen.bytes }, seen)
    case 'canary':
      return canary(ramp, seen)
    case 'waits':
      if (seen.seconds >= stuckSeconds)
        return aborted(ramp, `a write has not come back for ${seen.seconds.toFixed(1)} s`)
      return seen.seconds >= longSeconds ? othersWait(ramp, seen.atMs) : onTime(ramp, seen.atMs)
    case 'time':
      return onTime(ramp, seen.atMs)
  }
}

/** Bounds end it with what is known by then. */
function withEnd(ramp: Ramp, atMs: number): Ramp {
  if (ramp.result !== undefined) return ramp
  const { mostBytes, mostSeconds } = ramp.bounds
  const seconds = (atMs - ramp.beganMs) / 1000
  return ramp.bytes >= mostBytes || seconds >= mostSeconds ? concluded(ramp, atMs) : ramp
}

function wrote(ramp: Ramp, write: Write): Ramp {
  const { phase } = ramp
  if (phase.name !== 'fill') return withLate(ramp, write)
  const writes = [...phase.writes, write]
  const bytes = phase.bytes + write.bytes
  const filled = { ...ramp, phase: { ...phase, writes, bytes } }
  const cliff = cliffOf(writes)
  if (cliff !== undefined) return full(filled, { ...phase, writes }, cliff, write.atMs)
  return bytes >= ramp.bounds.mostFillBytes ? concluded(filled, write.atMs) : filled
}

/** A write that was under way when the fill was over: its bytes are in the cache too. */
function withLate(ramp: Ramp, write: Write): Ramp {
  const last = ramp.fills.at(-1)
  if (last === undefined) return ramp
  return { ...ramp, fills: [...ramp.fills.slice(0, -1), { ...last, writes: [...last.writes, write] }] }
}

function canary(ramp: Ramp, { atMs, seconds }: { readonly atMs: number; readonly seconds: number }): Ramp {
  if (ramp.phase.name === 'calm') return calmAfter({ ...ramp, calm: [...ramp.calm, seconds] }, atMs)
  const lately = [...ramp.lately, { atMs, seconds }].slice(-longRun)
  const after = { ...ramp, lately }
  if (seconds >= longSeconds) return othersWait(after, atMs)
  const isRun = (count: number, limit: number): boolean =>
    lately.length >= count && lately.slice(-count).every((one) => one.seconds > limit)
  const usual = Math.max(countedSeconds, waitFactor * (ramp.calmSeconds ?? Infinity))
  return isRun(tooLongRun, longWait(ramp.calmSeconds)) || isRun(longRun, usual)
    ? othersWait(after, atMs)
    : onTime(after, atMs)
}

function calmAfter(ramp: Ramp, atMs: number): Ramp {
  if (atMs - ramp.beganMs < calmMs || ramp.calm.length < leastCalm) return ramp
  const half = Math.floor(ramp.calm.length / 2)
  const [early, late] = [medianOf(ramp.calm.slice(0, half)), medianOf(ramp.calm.slice(half))]
  if (Math.max(early, late) > Math.max(noticedSeconds, quietFactor * Math.min(early, late))) {
    return aborted(ramp, `it is not quiet: small writes took ${ms(early)}, then ${ms(late)}`)
  }
  const calmSeconds = medianOf(ramp.calm)
  if (calmSeconds > busySeconds) return aborted(ramp, `the array is busy: small writes take ${ms(calmSeconds)}`)
  return { ...ramp, calmSeconds, phase: fillFrom(atMs, true) }
}

/** Whoever it is that makes them wait, it goes slower for a while. */
function othersWait(ramp: Ramp, atMs: number): Ramp {
  const { phase, ceiling } = ramp
  if (phase.name !== 'fill' || atMs < phase.pausedUntilMs) return onTime(ramp, atMs)
  const less = slower * Math.min(ceiling, rateAt(phase.fromMs, atMs))
  if (less < leastBytesPerSecond) {
    return aborted(ramp, `others wait ${waitFactor} times as long as before, though its cache is not full`)
  }
  return { ...ramp, ceiling: less, lately: [], phase: { ...phase, pausedUntilMs: atMs + pauseMs } }
}

function full(
  ramp: Ramp,
  { fromMs, writes, fromEmpty }: Filling,
  { onsetMs, rate: plateau }: Cliff,
  endMs: number,
): Ramp {
  const fills = [...ramp.fills, { fromMs, onsetMs, endMs, writes, fromEmpty, plateau }]
  const after = { ...ramp, fills, lately: [] }
  const { capacityBytes, drainBytesPerSecond: drain, isCapacitySure } = figuresOf(fills)
  if (drain !== undefined && isCapacitySure) return concluded(after, endMs)
  if (fills.length >= mostFills) return aborted(after, 'what it showed does not agree: it may not be quiet')
  if (drain === undefined) {
    const seconds = (restShare * capacityBytes) / plateau
    const rest = Math.min(restSeconds.most, Math.max(restSeconds.least, seconds))
    return { ...after, phase: { name: 'rest', untilMs: endMs + rest * 1000, emptiesIt: false } }
  }
  const untilMs = endMs + ((emptyFactor * capacityBytes) / drain + restSeconds.empty) * 1000
  const endsMs = ramp.beganMs + ramp.bounds.mostSeconds * 1000
  // The first fill counts then, as if the cache had been empty before it.
  return untilMs >= endsMs ? concluded(after, endMs) : { ...after, phase: { name: 'rest', untilMs, emptiesIt: true } }
}

function onTime(ramp: Ramp, atMs: number): Ramp {
  const { phase } = ramp
  if (phase.name !== 'rest' || atMs < phase.untilMs) return ramp
  // Whoever waits still is waited for.
  const limit = longWait(ramp.calmSeconds)
  if (ramp.lately.some((one) => one.seconds > limit)) return ramp
  return { ...ramp, phase: fillFrom(atMs, phase.emptiesIt) }
}

function concluded(ramp: Ramp, atMs: number): Ramp {
  const { drainBytesPerSecond, capacityBytes, capacitySpread, drainSpread, overflows } = figuresOf(ramp.fills)
  if (drainBytesPerSecond !== undefined) {
    const learnt = { capacityBytes, capacitySpread, drainBytesPerSecond, drainSpread, overflows }
    return { ...ramp, result: { outcome: 'learnt', ...learnt } }
  }
  if (overflows > 0) return aborted(ramp, 'it was full, and then the bounds were reached: allow more bytes or time')
  return { ...ramp, result: { outcome: 'never-full', bytes: ramp.bytes, seconds: (atMs - ramp.beganMs) / 1000 } }
}

function aborted(ramp: Ramp, reason: string): Ramp {
  return { ...ramp, result: { outcome: 'aborted', reason } }
}

function fillFrom(atMs: number, fromEmpty: boolean): Phase {
  return { name: 'fill', fromMs: atMs, writes: [], bytes: 0, fromEmpty, pausedUntilMs: atMs }
}

/** From how many seconds on a small write waits; for ever while nothing is known. */
export function longWait(calmSeconds: number | undefined): number {
  return calmSeconds === undefined ? Infinity : Math.max(noticedSeconds, waitFactor * calmSeconds)
}

export function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

function ms(seconds: number): string {
  return `${(seconds * 1000).toFixed(1)} ms`
}
