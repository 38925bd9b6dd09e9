import type { ChunkTable } from './chunk-table.js'
import { isClosed, type HourParts } from './closed-hours.js'
import { bucketMs, bucketOf, type ColumnBlock } from './column-block.js'
import type { DaySpan, RollupTier } from './day-table.js'
import type { FormerHours } from './former-hours.js'
import type { Series, SeriesRegistry } from './series-registry.js'
import type { StepList } from './summaries.js'
import { bucketsPerDay, dayMs, dayOf, stepsPerBucket } from './tier-steps.js'
import type { Tier } from '../time-series.js'

export interface QueryParts extends HourParts {
  readonly registry: SeriesRegistry
  readonly former: FormerHours
}

export interface Window {
  readonly fromMs: number
  /** Exclusive. */
  readonly toMs: number
}

/** Rows `from` to `to` (exclusive) of a block. */
export interface Rows {
  readonly is: 'rows'
  readonly block: ColumnBlock
  readonly from: number
  readonly to: number
}

/**
 * Roll-ups of the asked fields, in their order: step `i` of a list begins at `startMs + i * stepMs`. Only those that the window
 * touches are meant.
 */
export interface Steps {
  readonly is: 'steps'
  readonly startMs: number
  readonly stepMs: number
  readonly lists: readonly (StepList | undefined)[]
  readonly window: Window
}

type StepsAnyTime = Omit<Steps, 'window'>

export interface PieceQuery extends Window {
  readonly fields: readonly number[]
  /** Absent: points as far back as they reach, roll-ups before. */
  readonly tier: Tier | undefined
  /** Which roll-up suits; the coarser one where the finer is gone. `day`: hours, or figures alone where all of a day is asked for. */
  readonly coarsest: RollupTier | 'day'
}

/**
 * What is known of a series in a window, in the order of time.
 * @throws Error if something that is needed is damaged
 */
export function* piecesOf(parts: QueryParts, series: Series, query: PieceQuery): Generator<Rows | Steps> {
  for (const { fromMs, toMs, rolled } of partsOfWindow(parts, series, query)) {
    if (rolled) {
      for (const steps of stepsOf(parts, series, { ...query, fromMs, toMs }))
        yield { ...steps, window: { fromMs, toMs } }
    }
    if (!rolled) yield* rowsOf(parts.chunks, series, new Set(query.fields), { fromMs, toMs })
  }
}

interface WindowPart extends Window {
  readonly rolled: boolean
}

/** Which parts of the window are answered from roll-ups, and which from points. */
function partsOfWindow(parts: QueryParts, series: Series, { fromMs, toMs, tier }: PieceQuery): WindowPart[] {
  if (tier === 'raw') return [{ fromMs, toMs, rolled: false }]
  const { counters, former } = parts
  // Where points are asked for only as far as there are any, roll-ups answer before. Else they answer all that is sealed.
  const rolledToMs = tier === undefined ? Math.min(toMs, counters.get('raw_from') * bucketMs) : toMs
  const rolledFromMs = tier === undefined ? fromMs : Math.max(fromMs, Math.min(toMs, former.below * bucketMs))
  const result: WindowPart[] = [{ fromMs, toMs: rolledFromMs, rolled: false }]
  let next = rolledFromMs
  const within = { fromMs: rolledFromMs, toMs: rolledToMs }
  const known = tier === undefined ? chunksWithin(parts, series, within) : []
  const open = new Set([...openBuckets(parts, series, within), ...known])
  for (const bucket of [...open].sort((a, b) => a - b)) {
    const beginMs = Math.max(next, bucket * bucketMs)
    const endMs = Math.min(rolledToMs, (bucket + 1) * bucketMs)
    result.push({ fromMs: next, toMs: beginMs, rolled: true }, { fromMs: beginMs, toMs: endMs, rolled: false })
    next = endMs
  }
  result.push(
    { fromMs: next, toMs: rolledToMs, rolled: true },
    { fromMs: Math.max(next, rolledToMs), toMs, rolled: false },
  )
  return result.filter((part) => part.fromMs < part.toMs)
}

/** Hours whose points are there though they are old: they came late. */
function chunksWithin({ chunks }: QueryParts, { rowId }: Series, { fromMs, toMs }: Window): readonly number[] {
  return rowId === undefined || fromMs >= toMs ? [] : chunks.bucketsOf(rowId, bucketOf(fromMs), bucketOf(toMs - 1))
}

/** Hours that the head reaches into: what roll-ups know of them, if anything, is not all. */
function openBuckets(parts: QueryParts, { head, rowId }: Series, { fromMs, toMs }: Window): number[] {
  const found: number[] = []
  if (head === undefined) return found
  for (let row = head.lowerBound(fromMs); row < head.lowerBound(toMs);) {
    const bucket = bucketOf(head.timeAt(row))
    if (rowId === undefined || !isClosed(parts, rowId, bucket)) found.push(bucket)
    row = head.lowerBound((bucket + 1) * bucketMs)
  }
  return found
}

/** Points of a series in a time, ascending, sealed ones and head merged. */
export function* rowsOf(
  chunks: ChunkTable,
  { head, rowId }: Series,
  fields: ReadonlySet<number>,
  { fromMs, toMs }: Window,
): Generator<Rows> {
  let headRow = head?.lowerBound(fromMs) ?? 0
  const headEnd = head?.lowerBound(toMs) ?? 0
  const sealed = rowId === undefined ? undefined : chunks.seriesBounds(rowId)
  if (rowId !== undefined && sealed !== undefined) {
    const span = { from: bucketOf(Math.max(fromMs, sealed.from)), to: bucketOf(Math.min(toMs - 1, sealed.to)) }
    for (const [bucket, block] of chunks.readSpan(rowId, span, fields)) {
      if (head !== undefined) {
        const before = Math.min(headEnd, head.lowerBound(bucket * bucketMs))
        if (before > headRow) yield { is: 'rows', block: head, from: headRow, to: before }
        headRow = Math.max(headRow, before)
        const within = Math.min(headEnd, head.lowerBound((bucket + 1) * bucketMs))
        block.merge(head, headRow, Math.max(headRow, within))
        headRow = Math.max(headRow, within)
      }
      yield { is: 'rows', block, from: block.lowerBound(fromMs), to: block.lowerBound(toMs) }
    }
  }
  if (head !== undefined && headEnd > headRow) yield { is: 'rows', block: head, from: headRow, to: headEnd }
}

function* stepsOf(parts: QueryParts, { rowId }: Series, query: PieceQuery): Generator<StepsAnyTime> {
  if (rowId === undefined) return
  const recent = parts.rollups.bounds()
  const [first, last] = [bucketOf(query.fromMs), bucketOf(query.toMs - 1)]
  const until = Math.min(last, recent?.to ?? -Infinity) + 1
  let bucket = Math.max(first, recent?.from ?? Infinity)
  for (const day of daysOf(parts, rowId, { from: dayOf(first), to: dayOf(last) }, query)) {
    const firstOfDay = bucketOf(day.startMs)
    for (; bucket < Math.min(until, firstOfDay); bucket += 1) yield* hourOf(parts, rowId, bucket, query)
    if (bucket >= Math.min(until, firstOfDay + bucketsPerDay)) {
      yield day
      continue
    }
    // The day is in both forms, each hour in one: some came when the others had been moved.
    for (let hour = 0; hour < bucketsPerDay; hour += 1) {
      yield hourWithin(day, hour)
      if (firstOfDay + hour !== bucket || bucket >= until) continue
      yield* hourOf(parts, rowId, bucket, query)
      bucket += 1
    }
  }
  for (; bucket < until; bucket += 1) yield* hourOf(parts, rowId, bucket, query)
}

/** Days that were moved, ascending; each from the finest tier that suits and still has it. */
function* daysOf(
  { days, rollups }: QueryParts,
  series: number,
  span: DaySpan,
  { fields, tier, coarsest, fromMs, toMs }: PieceQuery,
): Generator<StepsAnyTime> {
  const wanted = new Set(fields)
  const only = tier === '5m' || (tier === undefined && coarsest === '5m') ? '5m' : '1h'
  const recent = rollups.bounds() ?? { from: Infinity, to: -Infinity }
  // Not where hours of the day may be in the other form.
  const asWhole = (day: number): boolean => {
    const isAsked = coarsest === 'day' && day * dayMs >= fromMs && (day + 1) * dayMs <= toMs
    return isAsked && (day < dayOf(recent.from) || day > dayOf(recent.to))
  }
  const fineFrom = only === '5m' && tier === undefined ? (days.boundsOf(series, '5m')?.from ?? Infinity) : span.from
  // Where the finer roll-ups are gone the coarser ones answer, but not for who asks for the finer ones alone.
  if (only === '5m' && tier === undefined) {
    yield* stepsOfDays('1h', { ...span, to: Math.min(span.to, fineFrom - 1) })
  }
  yield* stepsOfDays(only, { ...span, from: Math.max(span.from, fineFrom) })

  function* stepsOfDays(of: RollupTier, within: DaySpan): Generator<StepsAnyTime> {
    for (const { day, stepCount, fields: known } of days.ofSeries(series, of, within, wanted, asWhole)) {
      const lists = fields.map((field) => known.get(field))
      yield { is: 'steps', startMs: day * dayMs, stepMs: dayMs / stepCount, lists }
    }
  }
}

/** An hour that was not moved yet. */
function* hourOf(
  { rollups }: QueryParts,
  series: number,
  bucket: number,
  { fields, tier, coarsest }: PieceQuery,
): Generator<StepsAnyTime> {
  const steps = (tier ?? coarsest) === '5m' ? 'five minutes' : 'hour'
  const lists = fields.map((field) => rollups.listOf(bucket, field, series, steps))
  if (lists.every((list) => list === undefined)) return
  yield {
    is: 'steps',
    startMs: bucket * bucketMs,
    stepMs: steps === 'hour' ? bucketMs : bucketMs / stepsPerBucket,
    lists,
  }
}

function hourWithin({ startMs, stepMs, lists }: StepsAnyTime, hour: number): StepsAnyTime {
  const perHour = bucketMs / stepMs
  const cut = lists.map((list) => {
    if (list === undefined) return undefined
    const steps = list.steps.filter((step) => Math.floor(step / perHour) === hour)
    const place = list.steps.indexOf(steps[0] ?? -1)
    return { steps, first: list.first + place, summaries: list.summaries }
  })
  return { is: 'steps', startMs, stepMs, lists: cut }
}
