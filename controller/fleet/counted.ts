import type { Totals } from '../model/observation.js'
import type { Exchanged } from '../model/snapshot.js'
import type { Metrics } from './absence.js'
import { interval, shortestIntervalMs, type Baseline, type Interval } from './rates.js'

/** Totals that are read together, with their memory. */
export interface Counted {
  /** Where the next interval begins. */
  baseline: Baseline | undefined
  /** The last reading; one that came too soon for an interval is later than the baseline. */
  read: Baseline | undefined
  /** The last interval, which ended at the baseline. */
  latest: Interval | undefined
}

export const neverCounted: Readonly<Counted> = { baseline: undefined, read: undefined, latest: undefined }

/** One thing with totals and figures of its own: a disk, a NIC. */
export interface Part extends Counted {
  metrics: Metrics
  /** Of a disk: all its intervals added up. */
  exchanged?: Exchanged
}

/** What is known of the beginning of the run that totals belong to. */
export interface Run {
  /** When its totals were 0, if an event told. */
  readonly beganAt: number | undefined
  /** It can have begun since the last reading. */
  readonly beganSince: boolean
}

export const unknownBegin: Run = { beganAt: undefined, beganSince: false }

/** Where the history of a part breaks off on one host, and what grew since then: on the next host it goes on from there. */
export interface Left {
  readonly at: number
  readonly owed: Totals
}

/**
 * What grew from the last interval to `at`: what was read since, and from the last reading on, if it `goesOn`, as much as in
 * the last interval. Undefined of a part that was never read.
 */
export function leftOf({ baseline, read, latest }: Counted, at: number, goesOn: boolean): Left | undefined {
  if (baseline === undefined || read === undefined) return undefined
  const unreadSeconds = goesOn ? Math.max(0, at - read.at) / 1000 : 0
  const owed = Object.entries(read.totals).map(([name, total = 0]) => {
    const known = Math.max(0, total - (baseline.totals[name] ?? total))
    const perSecond = latest === undefined ? 0 : (latest.delta[name] ?? 0) / latest.seconds
    return [name, known + perSecond * unreadSeconds] as const
  })
  return { at: baseline.at, owed: Object.fromEntries(owed) }
}

/** The first interval of totals that began at 0 when a VM came, from where the host that it came from left off. */
export function afterMove(at: number, totals: Totals, left: Left): Interval | undefined {
  const owed = Object.keys(totals).map((name) => [name, -(left.owed[name] ?? 0)] as const)
  const before = { at: left.at, runId: '', totals: Object.fromEntries(owed) }
  return interval(before, { at, runId: '', totals }, unknownBegin)
}

/**
 * Moves the baseline on and gives the growth since the old one. An empty pass (nothing of this part was read) changes nothing.
 * A run whose start was told by an event counts from 0 at that moment. Two lanes may read a VM within milliseconds: a mean
 * over so short a time would be a spike, so the baseline stays and the growth counts with the next pass.
 */
export function advance(part: Counted, now: Baseline, run: Run): Interval | undefined {
  if (Object.keys(now.totals).length === 0) return undefined
  part.read = now
  const known = part.baseline
  const before = known?.runId === now.runId ? known : (startOf(now, run, known?.at ?? 0) ?? known)
  if (before?.runId === now.runId && now.at - before.at < shortestIntervalMs) {
    part.baseline = before
    return undefined
  }
  part.baseline = now
  part.latest = interval(before, now, run)
  return part.latest
}

/** The same by name, of what restarts with no more than its run changing: the interval in which it did is left out. */
export function advanceOf(counted: Map<string, Counted>, name: string, now: Baseline): Interval | undefined {
  const part = counted.get(name) ?? { ...neverCounted }
  counted.set(name, part)
  return advance(part, now, unknownBegin)
}

/** Totals of 0 at the moment when the run began, if that is known and after `since`. */
function startOf(now: Baseline, { beganAt }: Run, since: number): Baseline | undefined {
  if (beganAt === undefined || beganAt < since || beganAt > now.at) return undefined
  return { at: beganAt, runId: now.runId, totals: Object.fromEntries(Object.keys(now.totals).map((name) => [name, 0])) }
}
