import type { ArrayTick, Interval } from '../model/array-condition.js'

/**
 * Whether writers wait for the disks, by latency and throughput: a hidden Markov model of two states (Rabiner, "A tutorial on hidden Markov
 * models", 1989), so that one slow second is no cliff and one fast second no end of it. Plain data.
 */
export interface Pressure {
  /** Logarithm of the odds that the cache is full. */
  readonly logOdds: number
  /** What latencies are while nothing presses. */
  readonly calm: Calm
  /** Logarithms of the throughput and the latency of writes in the fastest seconds of late. */
  readonly fast: Fast | undefined
}

interface Calm {
  readonly canaryMs: Usual | undefined
  readonly smallWriteLatencyMs: Usual | undefined
  readonly writeLatencyMs: Usual | undefined
}

/** Of logarithms of milliseconds: a low level that comes back again and again, and how far above it they are on average. */
interface Usual {
  readonly low: number
  readonly above: number
}

interface Fast {
  readonly throughput: number
  readonly latency: number
}

export const noPressure: Pressure = {
  logOdds: -4,
  calm: { canaryMs: undefined, smallWriteLatencyMs: undefined, writeLatencyMs: undefined },
  fast: undefined,
}

/** Of a second: how likely a full cache stays full, and a cache fills up of which nothing is known. */
const staysFull = 0.9
const fillsUp = 0.01

export function isPressed({ logOdds }: Pressure): boolean {
  return logOdds > 0
}

/** What is known of the array when its pressure is judged. */
export interface Expected {
  /** Of the load of now. */
  readonly drain: Interval
  readonly isDrainKnown: boolean
  /** Mean of the last seconds, and the last step's own and the most of those before it. */
  readonly inflow: number | undefined
  readonly newest: number | undefined
  readonly mostBefore: number | undefined
  /** Share of the guesses for which it is about full. */
  readonly fullShare: number
}

/** @returns whether anything was told that bears on it */
export function press(before: Pressure, tick: ArrayTick, expected: Expected): Pressure | undefined {
  const evidence = latencyEvidence(before, tick)
  if (evidence === undefined) return undefined
  const full = 1 / (1 + Math.exp(-before.logOdds))
  const entering = Math.min(0.3, fillsUp + 0.3 * expected.fullShare)
  const prior = full * staysFull + (1 - full) * entering
  const sum = evidence + stepEvidence(before, tick, expected) + flowEvidence(expected)
  const most = isContradicted(before, expected) ? contradicted : 5
  const logOdds = clip(Math.log(prior / (1 - prior)) + clip(sum, -4, most), -6, 6)
  return { logOdds, calm: calmAfter(before, tick, logOdds), fast: fastAfter(before, tick, logOdds, expected.inflow) }
}

/** The same without news: what is not looked at is not known for long. */
export function fade(before: Pressure): Pressure {
  return { ...before, logOdds: before.logOdds * 0.9 - 0.1 }
}

/** What latencies count for at most against throughput, which is what is known best of a full cache. */
const contradicted = -1
/** Writers that begin or go faster; disks are faster at one time than at another, and reports are late. */
const risesBy = 1.3
const fasterThanDrains = 1.7

/** A full cache lets nobody go faster, and takes what drains. */
function isContradicted(before: Pressure, { newest, mostBefore, inflow, drain, isDrainKnown }: Expected): boolean {
  if (newest === undefined || inflow === undefined) return false
  if (!isPressed(before) && mostBefore !== undefined && newest > risesBy * mostBefore) return true
  return isDrainKnown && Math.min(newest, inflow) > fasterThanDrains * drain.high
}

/** Neighbours' writes take 1.3 to 1.8 times as long while a cache fills, and 4 to 10 times when it is full. */
const doubtful = Math.log(2.6)

/** Logarithm of how much likelier these latencies are with a full cache; undefined: there are none. */
function latencyEvidence({ calm }: Pressure, tick: ArrayTick): number | undefined {
  const { canaryMs, smallWriteLatencyMs, writeLatencyMs, canaryOverdueMs } = tick
  const isSeen = isTold(canaryMs) || isTold(smallWriteLatencyMs) || isTold(writeLatencyMs)
  if (!isSeen && canaryOverdueMs === undefined) return undefined
  return (
    clip(slowness(canaryMs, calm.canaryMs), -3, 2.5) +
    clip(slowness(smallWriteLatencyMs, calm.smallWriteLatencyMs), -3, 2.5) +
    // Writers with much in flight wait for themselves: their latency alone says less.
    clip(slowness(writeLatencyMs, calm.writeLatencyMs), -2, 1) +
    (canaryOverdueMs === undefined ? 0 : 2.5)
  )
}

function isTold(latencyMs: number | undefined): latencyMs is number {
  return latencyMs !== undefined && latencyMs > 0
}

/** Latencies that scatter by more than this while nothing presses say the less, by the square. */
const quietScatter = 0.5

function slowness(latencyMs: number | undefined, usual: Usual | undefined): number {
  if (!isTold(latencyMs) || usual === undefined) return 0
  const weight = Math.min(1, (quietScatter / usual.above) ** 2)
  return 3.2 * weight * (Math.log(latencyMs) - usual.low - doubtful)
}

/** A cliff: throughput falls and latency rises, at once and by about the same. Who writes less by himself makes both fall. */
function stepEvidence({ fast }: Pressure, tick: ArrayTick, { inflow }: Expected): number {
  const { writeLatencyMs } = tick
  if (fast === undefined || inflow === undefined || inflow <= 0) return 0
  if (writeLatencyMs === undefined || writeLatencyMs <= 0) return 0
  const step = Math.min(Math.log(writeLatencyMs) - fast.latency, fast.throughput - Math.log(inflow))
  return clip(6 * (step - 0.35), -1, 2.5)
}

/** A full cache takes what drains: neither twice that, nor is it kept full by a tenth of it. */
function flowEvidence({ drain, isDrainKnown, inflow }: Expected): number {
  if (inflow === undefined) return 0
  if (inflow < 0.2e6) return -3
  if (!isDrainKnown) return 0
  if (inflow > 2.2 * drain.high) return -2
  return inflow < 0.3 * drain.low ? -2 : 0
}

function calmAfter({ calm }: Pressure, tick: ArrayTick, logOdds: number): Calm {
  return {
    canaryMs: calmOf(calm.canaryMs, tick.canaryMs, logOdds),
    smallWriteLatencyMs: calmOf(calm.smallWriteLatencyMs, tick.smallWriteLatencyMs, logOdds),
    writeLatencyMs: calmOf(calm.writeLatencyMs, tick.writeLatencyMs, logOdds),
  }
}

function calmOf(usual: Usual | undefined, latencyMs: number | undefined, logOdds: number): Usual | undefined {
  if (!isTold(latencyMs)) return usual
  const now = Math.log(latencyMs)
  if (usual === undefined) return { low: now, above: quietScatter }
  const off = now - usual.low
  const isCalm = logOdds < -1
  // A low level that comes back again and again is what the array does by itself.
  const low = usual.low + (off < 0 ? 0.08 * off : isCalm ? 0.01 * Math.min(1, off) : 0)
  const above = isCalm ? usual.above + 0.05 * (Math.min(3, Math.abs(off)) - usual.above) : usual.above
  return { low, above }
}

/** Seconds of an unhindered writer; forgotten over minutes. */
function fastAfter({ fast }: Pressure, tick: ArrayTick, logOdds: number, inflow: number | undefined): Fast | undefined {
  const { writeLatencyMs } = tick
  if (logOdds > 0 || inflow === undefined || inflow <= 0) return fast
  if (writeLatencyMs === undefined || writeLatencyMs <= 0) return fast
  const now = { throughput: Math.log(inflow), latency: Math.log(writeLatencyMs) }
  const faded = fast === undefined ? undefined : { ...fast, throughput: fast.throughput - 0.01 }
  return faded === undefined || now.throughput > faded.throughput ? now : faded
}

function clip(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(most, value))
}
