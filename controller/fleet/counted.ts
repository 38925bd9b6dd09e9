import type { Totals } from '../model/observation.js'
import type { Metrics } from './absence.js'
import { interval, shortestIntervalMs, type Baseline, type Interval } from './rates.js'

/** One thing with totals: a disk, a NIC, the CPU time of a VM. */
export interface Part {
  baseline: Baseline | undefined
  metrics: Metrics
  /** The last interval, which ended at the baseline. */
  latest?: Interval | undefined
  /** Last moment when it was proven not to have moved since the baseline. */
  idleAt: number | undefined
}

/** What is known of the beginning of the run that totals belong to. */
export interface Run {
  /** When its totals were 0, if an event told. */
  readonly beganAt: number | undefined
  /** It can have begun since the last reading. */
  readonly beganSince: boolean
  /** It came from another host, and its first interval here is still to come. */
  readonly arrives: boolean
  /** What belongs to its first interval besides its own totals. */
  readonly owed?: Totals
}

export const unknownBegin: Run = { beganAt: undefined, beganSince: false, arrives: false }

/** Where the history of a part breaks off on one host, and what grew since then: on the next host it goes on from there. */
export interface Left {
  readonly at: number
  readonly owed: Totals
}

/** A run that goes on where another host left off, unless that is in its future. */
export function goingOn(run: Run, at: number, left: Left | undefined): Run {
  return left === undefined || left.at > at ? run : { ...run, beganAt: left.at, owed: left.owed }
}

/** What these totals show since the last interval. */
export function leftBy({ baseline }: Part, at: number, totals: Totals): Left {
  const growth = Object.entries(totals).map(([name, total]) => {
    return [name, (total ?? 0) - (baseline?.totals[name] ?? total ?? 0)] as const
  })
  return { at: baseline?.at ?? at, owed: Object.fromEntries(growth) }
}

/** What to expect by `at`, if it goes on as in its last interval; nothing of a part that was never read. */
export function expectedOf({ baseline, latest, idleAt }: Part, at: number): Left | undefined {
  if (baseline === undefined) return undefined
  if (latest === undefined || idleAt !== undefined) return { at: baseline.at, owed: {} }
  const share = Math.max(0, at - baseline.at) / 1000 / latest.seconds
  const owed = Object.entries(latest.delta).map(([name, growth]) => [name, (growth ?? 0) * share] as const)
  return { at: baseline.at, owed: Object.fromEntries(owed) }
}

/**
 * Moves the baseline on and gives the growth since the old one. An empty pass (nothing of this part was read) changes nothing.
 * A run whose start was told by an event counts from 0 at that moment. Two lanes may read a VM within milliseconds: a mean
 * over so short a time would be a spike, so the baseline stays and the growth counts with the next pass.
 */
export function advance(part: Part, now: Baseline, run: Run): Interval | undefined {
  if (Object.keys(now.totals).length === 0) return undefined
  const known = part.baseline
  const before = known?.runId === now.runId ? known : (startOf(now, run, known?.at ?? 0) ?? known)
  if (before?.runId === now.runId && now.at - before.at < shortestIntervalMs) {
    // The host that it came from may still have a word to say.
    if (!run.arrives) part.baseline = before
    return undefined
  }
  part.baseline = now
  part.latest = interval(before, now, run)
  return part.latest
}

/** Totals of 0 (less what is owed) at the moment when the run began, if that is known and after `since`. */
function startOf(now: Baseline, { beganAt, owed }: Run, since: number): Baseline | undefined {
  if (beganAt === undefined || beganAt < since || beganAt > now.at) return undefined
  const totals = Object.keys(now.totals).map((name) => [name, -(owed?.[name] ?? 0)] as const)
  return { at: beganAt, runId: now.runId, totals: Object.fromEntries(totals) }
}
