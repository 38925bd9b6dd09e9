import { median } from '../agent/median.js'
import type { Figures } from './parts.js'

/** What a figure must be, and is: the median of its rounds. */
export interface BarRow {
  readonly what: string
  readonly bar: string
  readonly measured: number | undefined
  /** Undefined where it was not measured. */
  readonly met: boolean | undefined
}

/** Each part's figures, round by round. */
export type Rounds = ReadonlyMap<string, readonly Figures[]>

/** The rows of the bench beside their bars. */
export function barRows(rounds: Rounds): BarRow[] {
  const figure = (part: string, ...path: readonly string[]): number | undefined => {
    const values = (rounds.get(part) ?? []).map((figures) => numberAt(figures, path))
    return values.length === 0 ? undefined : median(values)
  }
  const timesInflux = (batch: number, inFlight: number): number | undefined => {
    const ours = rounds.get(`ingest-${batch}-${inFlight}-embedded`) ?? []
    const theirs = rounds.get(`ingest-${batch}-${inFlight}-influxdb`) ?? []
    if (ours.length === 0 || ours.length !== theirs.length) return undefined
    const rate = ['pointsPerSecond']
    return median(ours.map((figures, round) => numberAt(figures, rate) / numberAt(theirs[round] ?? {}, rate)))
  }
  return [
    atLeast('points/s, batches of 300, eight in flight, times InfluxDB', 2, timesInflux(300, 8)),
    atLeast('points/s, batches of 3000, eight in flight, times InfluxDB', 2, timesInflux(3000, 8)),
    atLeast('points/s, batches of 300, an fsync for each, times InfluxDB', 1, timesInflux(300, 1)),
    atLeast('points/s, batches of 3000, an fsync for each, times InfluxDB', 1, timesInflux(3000, 1)),
    atMost('bytes a point, roll-ups included', 45, figure('load-embedded', 'bytesPerPoint')),
    atMost('one VM, 1 h, raw, beside 1,000 points/s: p50 ms', 10, figure('points-embedded', 'p50Ms')),
    atMost('one VM, 1 h, raw, beside 1,000 points/s: p99 ms', 50, figure('points-embedded', 'p99Ms')),
    atMost('top 10 of 24 h: p50 ms', 15, figure('top-day-embedded', 'p50Ms')),
    atMost('top 10 of 24 h: rows that brute force does not have', 0, figure('top-day-embedded', 'wrongRows')),
    atMost('top 10 of any window: p50 ms', 15, figure('top-any-embedded', 'p50Ms')),
    atMost('top 10 of any window: rows that brute force does not have', 0, figure('top-any-embedded', 'wrongRows')),
    atMost('a year of one VM, a field by day: p50 ms', 30, figure('year-embedded', 'oneFieldByDay', 'p50Ms')),
    atMost('a year of one VM, a field by hour: p50 ms', 30, figure('year-embedded', 'oneFieldByHour', 'p50Ms')),
    atMost('a year of one VM, all fields by day: p50 ms', 30, figure('year-embedded', 'allFieldsByDay', 'p50Ms')),
    atMost('delay of the main thread, p99 ms above a run without the store', 5, delayDifference(rounds)),
    atMost('resident MiB of the controller after 24 h of data', 220, figure('memory', 'maxMiB')),
  ]
}

function delayDifference(rounds: Rounds): number | undefined {
  const [ours, none] = ['loop-embedded', 'loop-nothing'].map((part) =>
    (rounds.get(part) ?? []).map((figures) => numberAt(figures, ['p99Ms'])),
  )
  if (ours === undefined || none === undefined || ours.length === 0 || none.length === 0) return undefined
  return median(ours) - median(none)
}

function atLeast(what: string, bar: number, measured: number | undefined): BarRow {
  return { what, bar: `>= ${bar}`, ...figureOf(measured, (value) => value >= bar) }
}

function atMost(what: string, bar: number, measured: number | undefined): BarRow {
  return { what, bar: `<= ${bar}`, ...figureOf(measured, (value) => value <= bar) }
}

function figureOf(
  measured: number | undefined,
  isMet: (value: number) => boolean,
): { readonly measured: number | undefined; readonly met: boolean | undefined } {
  if (measured === undefined) return { measured, met: undefined }
  return { measured: Number(measured.toFixed(2)), met: isMet(measured) }
}

/** @throws Error if there is no number */
function numberAt(figures: Figures, path: readonly string[]): number {
  let at: unknown = figures
  for (const name of path) at = isRecord(at) ? at[name] : undefined
  if (typeof at !== 'number') throw new Error(`${path.join('.')}: no number in ${JSON.stringify(figures)}`)
  return at
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
