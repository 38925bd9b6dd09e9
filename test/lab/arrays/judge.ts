import type { Interval } from '../../../controller/model/array-condition.js'
import { trueState, type TrueState } from '../array/array-truth.js'
import { linesOf, type RecordedTruth, type Recording } from './recording.js'
import type { Told } from './told.js'

/** What was said, against the truth that only a test knows. Errors are relative, positive: said too large. */
export interface Judgement {
  /** Known after two overflows. */
  readonly drain: Learnt
  readonly capacity: Learnt
  /** Shares of the time after the first overflow in which something is in the cache. */
  readonly fillHeld: number
  /** Of all the time; right if it was so within two seconds. */
  readonly stateRight: number
  /** Those after the second one. */
  readonly overflows: readonly OverflowJudgement[]
  /** From when nothing ended; undefined: it was never said. */
  readonly stalledAfterSeconds: number | undefined
  /** VMs that the alert did not name while it stood still. */
  readonly unnamedInStall: readonly string[]
  /** Times said to stand still though it did not. */
  readonly falseStalls: number
}

export interface Learnt {
  readonly truth: number
  readonly told: number
  readonly error: number
  readonly held: boolean
}

export interface OverflowJudgement {
  /** From when the cache began to fill until it was full. */
  readonly builtSeconds: number
  /** The earliest time before that it was said to be near: within `warnedSeconds`. */
  readonly warnedSecondsAhead: number | undefined
  readonly medianErrorOfSeconds: number | undefined
  readonly secondsHeld: number | undefined
  /** Before it began to fill it was said that two copies fill it soon, and that as a finding. */
  readonly burstSeconds: number | undefined
  readonly hadBurstFinding: boolean
  /** Who wrote most, and whom the alert named first in the end. */
  readonly culprit: string
  readonly named: string | undefined
}

/** A warning says that it may be full within this. */
const warnedSeconds = 15
/** Pauses of an overflow that are shorter are part of it. */
const calmMs = 3000
const nearbyMs = 2000
/** Counters are read each second: a look in the second in which it begins to fill foretells nothing. */
const heardAfterMs = 1000
const littleFilled = 0.03

export function judge(recording: Recording, told: readonly Told[]): Judgement {
  const truths = linesOf(recording, 'truth')
  const overflows = overflowsOf(truths)
  const [first, second] = overflows
  if (first === undefined || second === undefined) throw new Error(`${recording.head.round}: fewer than two overflows`)
  const learnt = lastBefore(told, second.endAt + nearbyMs)
  const full = lastBefore(
    told.filter(({ state }) => state === 'saturated'),
    second.endAt + nearbyMs,
  )
  const frozenAt = truths.find(({ frozen }) => frozen)?.at
  const thawedAt = truths.findLast(({ frozen }) => frozen)?.at ?? Infinity
  const stalled = told.filter(({ state }) => state === 'stalled')
  const inStall = stalled.filter(({ at }) => frozenAt !== undefined && at >= frozenAt && at <= thawedAt + nearbyMs)
  const named = new Set(inStall.flatMap(({ culprits, victims }) => [...culprits, ...victims]))
  const seen = told.filter(({ at }) => at >= first.endAt && at < (frozenAt ?? Infinity))
  const fills = seen.flatMap(({ at, fill }) => {
    const truth = truthAt(truths, at)
    if (truth === undefined || truth.fillBytes < littleFilled * truth.capacityBytes) return []
    return [holds(fill, truth.fillBytes)]
  })
  const firstStall = inStall[0]
  return {
    drain: learntOf(drainOf(truths, [first, second]), full?.drain ?? learnt?.drain),
    capacity: learntOf(recording.head.scenario.cacheBytes, learnt?.capacity),
    fillHeld: share(fills),
    stateRight: share(told.map((one) => isRight(one, truths))),
    overflows: overflows.slice(2).map((one) => judgeOverflow(one, { recording, truths, told })),
    stalledAfterSeconds:
      frozenAt === undefined || firstStall === undefined ? undefined : (firstStall.at - frozenAt) / 1000,
    unnamedInStall: recording.head.vms.map(({ name }) => name).filter((name) => !named.has(name)),
    falseStalls: stalled.length - inStall.length,
  }
}

interface Overflow {
  /** It begins to fill; it is full; it is not any more. */
  readonly fromAt: number
  readonly fullAt: number
  readonly endAt: number
}

function overflowsOf(truths: readonly RecordedTruth[]): Overflow[] {
  const found: Overflow[] = []
  for (const [index, { at, overflowing, frozen }] of truths.entries()) {
    if (!overflowing || frozen) continue
    const last = found.at(-1)
    if (last !== undefined && at - last.endAt < calmMs) found[found.length - 1] = { ...last, endAt: at }
    else found.push({ fromAt: beganBefore(truths, index), fullAt: at, endAt: at })
  }
  return found
}

/** Since when the fill has only grown, but for moments. */
function beganBefore(truths: readonly RecordedTruth[], index: number): number {
  let at = truths[index]?.at ?? 0
  let least = truths[index]?.fillBytes ?? 0
  for (const truth of truths.slice(0, index).toReversed()) {
    if (truth.overflowing || at - truth.at > calmMs / 2) break
    if (truth.fillBytes >= least) continue
    at = truth.at
    least = truth.fillBytes
  }
  return at
}

/** What left the cache while it was full, bytes a second. */
function drainOf(truths: readonly RecordedTruth[], overflows: readonly Overflow[]): number {
  let [ms, bytes] = [0, 0]
  for (const [index, now] of truths.entries()) {
    const before = truths[index - 1]
    if (before === undefined || !before.overflowing || !now.overflowing || now.frozen) continue
    if (!overflows.some(({ fullAt, endAt }) => before.at >= fullAt && now.at <= endAt)) continue
    ms += now.at - before.at
    bytes += now.drainedBytes - before.drainedBytes
  }
  return (1000 * bytes) / ms
}

function learntOf(truth: number, told: Interval | undefined): Learnt {
  const likely = told?.likely ?? 0
  return { truth, told: likely, error: likely / truth - 1, held: holds(told, truth) }
}

interface Played {
  readonly recording: Recording
  readonly truths: readonly RecordedTruth[]
  readonly told: readonly Told[]
}

function judgeOverflow({ fromAt, fullAt, endAt }: Overflow, { recording, told }: Played): OverflowJudgement {
  const build = told.filter(({ at }) => at > fromAt && at < fullAt)
  const left = (at: number): number => (fullAt - at) / 1000
  const warning = build.find((one) => (one.secondsToSaturation?.low ?? Infinity) <= warnedSeconds)
  const foretold = build.filter(({ at }) => left(at) >= 1 && at - fromAt >= heardAfterMs)
  const errors = foretold.map(({ at, secondsToSaturation: said }) =>
    said === undefined ? 1 : Math.abs(said.likely - left(at)) / left(at),
  )
  const before = lastBefore(told, fromAt)
  return {
    builtSeconds: left(fromAt),
    warnedSecondsAhead: warning === undefined ? undefined : left(warning.at),
    medianErrorOfSeconds: median(errors),
    secondsHeld:
      foretold.length === 0
        ? undefined
        : share(foretold.map(({ at, secondsToSaturation }) => holds(secondsToSaturation, left(at)))),
    burstSeconds: before?.secondsForTwoCopies?.likely,
    hadBurstFinding: before?.hasBurstFinding ?? false,
    culprit: mostWritten(recording, fromAt, endAt),
    named: lastBefore(
      told.filter(({ culprits }) => culprits.length > 0),
      endAt + nearbyMs,
    )?.culprits[0],
  }
}

/** By the target's sessions: the VM, or the host by itself. */
function mostWritten(recording: Recording, from: number, to: number): string {
  const { vms, hostLuns } = recording.head
  const users = new Map([
    ...vms.map(({ lun, name }) => [lun, name] as const),
    ...hostLuns.map(({ lun, host }) => [lun, host] as const),
  ])
  const written = new Map<string, number>()
  const last = new Map<string, number>()
  for (const { at, lun, session, writeBytes } of linesOf(recording, 'lun')) {
    const key = `${lun} ${session}`
    const grown = writeBytes - (last.get(key) ?? writeBytes)
    last.set(key, writeBytes)
    const user = users.get(lun)
    if (at >= from && at <= to && user !== undefined) written.set(user, (written.get(user) ?? 0) + grown)
  }
  return [...written].toSorted(([, a], [, b]) => b - a)[0]?.[0] ?? ''
}

function isRight({ at, state }: Told, truths: readonly RecordedTruth[]): boolean {
  const states = new Set<TrueState>()
  for (const [index, now] of truths.entries()) {
    const before = truths[index - 1]
    if (before !== undefined && Math.abs(now.at - at) <= nearbyMs) states.add(trueState(before, now))
  }
  return [...states].some((one) => one === state)
}

function truthAt(truths: readonly RecordedTruth[], at: number): RecordedTruth | undefined {
  return truths.findLast((truth) => truth.at <= at)
}

function lastBefore(told: readonly Told[], at: number): Told | undefined {
  return told.findLast((one) => one.at <= at)
}

function holds(interval: Interval | undefined, value: number): boolean {
  return interval !== undefined && interval.low <= value && value <= interval.high
}

function share(all: readonly boolean[]): number {
  return all.filter(Boolean).length / all.length
}

function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
}
