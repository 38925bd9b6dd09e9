import type { Aggregation, TopQuery, TopRow } from '../time-series.js'
import { addColumn, emptyAggregate, resultOf, type Aggregate } from './aggregate.js'
import { isClosed } from './closed-hours.js'
import { bucketMs, bucketOf } from './column-block.js'
import type { Series } from './series-registry.js'
import { rowsOf, type QueryParts, type Window } from './series-pieces.js'
import type { StepList } from './summaries.js'
import { bucketsPerDay, ceilTo, dayOf, fineStepMs, floorTo, stepsPerBucket } from './tier-steps.js'

const maxTop = 10_000
/** After that often it is answered in one go. */
const mostAttempts = 3

/**
 * The window that a ranking is about. One of an hour or longer goes from the start of the five minutes that it begins in to the
 * end of those that it ends in: what lies between is in the roll-ups.
 */
export function rankedWindow({ fromMs, toMs }: Window): Window {
  if (toMs - fromMs < bucketMs) return { fromMs, toMs }
  return { fromMs: floorTo(fromMs, fineStepMs), toMs: ceilTo(toMs, fineStepMs) }
}

/**
 * Who has most of a field. Whole hours are answered from roll-ups of an hour, the ends from those of five minutes (of an hour,
 * where the finer are gone), a window of less than an hour from points as far back as they reach, and heads as they are.
 * A long time ago is looked at day by day, with other work in between.
 * @throws DamagedRow
 */
export function* top(parts: QueryParts, query: TopQuery): Generator<void, TopRow[]> {
  const { kind, field, agg, n, ids } = query
  const window = rankedWindow(query)
  const most = Math.min(Math.max(0, Math.floor(n)), maxTop)
  if (!(window.fromMs < window.toMs)) return []
  for (let attempt = 1; ; attempt += 1) {
    const ranking = new Ranking(agg, ids)
    const question = { parts, ranking, field: parts.fields.idOf(kind, field), kind, window }
    const before = parts.days.changes
    for (const _ of addOldDays(question)) if (attempt < mostAttempts) yield
    // What was moved meanwhile would be missed, or counted twice.
    if (parts.days.changes !== before) continue
    addRecentHours(question)
    addHeads(question)
    return ranking.rows().slice(0, most)
  }
}

interface Question {
  readonly parts: QueryParts
  readonly ranking: Ranking
  readonly field: number
  readonly kind: string
  readonly window: Window
}

/** An aggregate of each series. */
class Ranking {
  readonly #sums = new Map<Series, { readonly aggregate: Aggregate; lastMs: number }>()

  constructor(
    private readonly aggregation: Aggregation,
    private readonly ids: ReadonlySet<string> | undefined,
  ) {}

  /** Sums of whole hours are enough to answer. */
  get needsSumsOnly(): boolean {
    return this.aggregation !== 'p95'
  }

  isWanted(series: Series | undefined): series is Series {
    return series !== undefined && (this.ids?.has(series.id) ?? true)
  }

  /** Adds one step of a list. Steps come in any order: the last value is that of the latest. */
  addStep(series: Series, atMs: number, { first, summaries }: StepList, place: number): void {
    this.#add(series, atMs, (aggregate) => summaries.addTo(aggregate, first + place, this.aggregation))
  }

  addValues(series: Series, atMs: number, values: Float64Array): void {
    this.#add(series, atMs, (aggregate) => addColumn(aggregate, values))
  }

  /** Adds what is known of whole hours without its distribution. */
  addSums(series: Series, atMs: number, sums: Readonly<Aggregate>): void {
    this.#add(series, atMs, (aggregate) => {
      aggregate.count += sums.count
      aggregate.sum += sums.sum
      aggregate.min = Math.min(aggregate.min, sums.min)
      aggregate.max = Math.max(aggregate.max, sums.max)
      aggregate.last = sums.last
    })
  }

  rows(): TopRow[] {
    const rows: TopRow[] = []
    for (const [series, { aggregate }] of this.#sums) {
      const value = resultOf(aggregate, this.aggregation)
      if (value !== undefined) rows.push({ id: series.id, value })
    }
    return rows.sort((a, b) => b.value - a.value || (a.id < b.id ? -1 : 1))
  }

  #add(series: Series, atMs: number, add: (aggregate: Aggregate) => void): void {
    let known = this.#sums.get(series)
    if (known === undefined) {
      known = { aggregate: emptyAggregate(this.aggregation), lastMs: -Infinity }
      this.#sums.set(series, known)
    }
    const { aggregate } = known
    const [before, count] = [aggregate.last, aggregate.count]
    add(aggregate)
    if (aggregate.count === count) return
    if (atMs < known.lastMs) aggregate.last = before
    else known.lastMs = atMs
  }
}

/** Which part of an hour lies in a window: all of it, some of its steps, or nothing. */
function stepsWithin(bucket: number, { fromMs, toMs }: Window): { readonly from: number; readonly to: number } {
  const startMs = bucket * bucketMs
  return {
    from: Math.max(0, Math.floor((fromMs - startMs) / fineStepMs)),
    to: Math.min(stepsPerBucket, Math.ceil((toMs - startMs) / fineStepMs)),
  }
}

function isWhole({ from, to }: { readonly from: number; readonly to: number }): boolean {
  return from === 0 && to === stepsPerBucket
}

/** Yields after each day. */
function* addOldDays({ parts, ranking, field, window }: Question): Generator<void> {
  const { days, registry } = parts
  const oldest = days.oldest('1h')
  if (oldest === undefined) return
  const newest = dayOf(bucketOf(window.toMs - 1))
  const only = new Set([field])
  for (let day = Math.max(oldest, dayOf(bucketOf(window.fromMs))); day <= newest; day += 1) {
    const buckets = Array.from({ length: bucketsPerDay }, (_, hour) => day * bucketsPerDay + hour)
    const within = buckets.map((bucket) => stepsWithin(bucket, window))
    const cut = within.some((steps) => steps.from < steps.to && !isWhole(steps))
    const fine = new Map<number, StepList | undefined>()
    if (cut) for (const { series, fields } of days.ofDay(day, '5m', only)) fine.set(series, fields.get(field))
    for (const { series: rowId, fields } of days.ofDay(day, '1h', only)) {
      const series = registry.byRowId(rowId)
      const list = fields.get(field)
      if (!ranking.isWanted(series) || list === undefined) continue
      for (const [place, hour] of list.steps.entries()) {
        const steps = within[hour] ?? { from: 0, to: 0 }
        const bucket = day * bucketsPerDay + hour
        if (steps.from >= steps.to) continue
        const finer = isWhole(steps) ? undefined : fine.get(rowId)
        if (finer === undefined) ranking.addStep(series, bucket * bucketMs, list, place)
        else {
          const offset = hour * stepsPerBucket
          addFine(ranking, series, bucket, finer, { from: steps.from + offset, to: steps.to + offset }, offset)
        }
      }
    }
    yield
  }
}

/** Steps from `from` to `to` of a list whose step `offset` is the first of the hour. */
function addFine(
  ranking: Ranking,
  series: Series,
  bucket: number,
  list: StepList,
  { from, to }: { readonly from: number; readonly to: number },
  offset: number,
): void {
  for (const [place, step] of list.steps.entries()) {
    if (step >= from && step < to) {
      ranking.addStep(series, bucket * bucketMs + (step - offset) * fineStepMs, list, place)
    }
  }
}

function addRecentHours(question: Question): void {
  const { parts, ranking, field, window } = question
  const { rollups, registry, former } = parts
  const bounds = rollups.bounds()
  const first = Math.max(bucketOf(window.fromMs), Math.min(bounds?.from ?? Infinity, former.bounds()?.from ?? Infinity))
  const last = Math.min(bucketOf(window.toMs - 1), Math.max(bounds?.to ?? -Infinity, former.bounds()?.to ?? -Infinity))
  for (let bucket = first; bucket <= last; bucket += 1) {
    const steps = stepsWithin(bucket, window)
    const fromPoints = window.toMs - window.fromMs < bucketMs && !isInside(bucket, window)
    if (fromPoints) addPoints(question, bucket)
    if (fromPoints && bucket >= parts.counters.get('raw_from')) continue
    const wanted = (rowId: number): Series | undefined => {
      const series = registry.byRowId(rowId)
      if (!ranking.isWanted(series) || isCorrected(parts, series, bucket)) return undefined
      return fromPoints && parts.chunks.has(rowId, bucket) ? undefined : series
    }
    if (isWhole(steps)) {
      for (const { series: rowIds, summaries } of rollups.hours(bucket, field)) {
        for (const [index, rowId] of rowIds.entries()) {
          const series = wanted(rowId)
          if (series !== undefined)
            ranking.addStep(series, bucket * bucketMs, { steps: [0], first: 0, summaries }, index)
        }
      }
    } else {
      for (const [rowId, list] of rollups.steps(bucket, field)) {
        const series = wanted(rowId)
        if (series !== undefined) addFine(ranking, series, bucket, list, steps, 0)
      }
    }
    addFormerHour(question, bucket, wanted)
  }
}

/** The window has all of the hour. */
function isInside(bucket: number, { fromMs, toMs }: Window): boolean {
  return fromMs <= bucket * bucketMs && toMs >= (bucket + 1) * bucketMs
}

/** All that is sealed of an hour, from points; heads are added elsewhere. */
function addPoints({ parts, ranking, field, kind, window }: Question, bucket: number): void {
  for (const series of parts.registry.ofKind(kind)) {
    if (!ranking.isWanted(series) || series.rowId === undefined || isCorrected(parts, series, bucket)) continue
    const block = parts.chunks.read(series.rowId, bucket, new Set([field]))
    const [from, to] = [block?.lowerBound(window.fromMs) ?? 0, block?.lowerBound(window.toMs) ?? 0]
    const values = block?.column(field, from, to)
    if (values !== undefined) ranking.addValues(series, bucket * bucketMs, values)
  }
}

/** Hours of a file of the version before, which know sums only. */
function addFormerHour(
  { parts, ranking, field, window }: Question,
  bucket: number,
  wanted: (rowId: number) => Series | undefined,
): void {
  if (!parts.former.isPending) return
  const only = new Set([field])
  for (const { series: rowId, sums } of parts.former.hours(bucket, field)) {
    const series = wanted(rowId)
    if (series === undefined) continue
    if (isInside(bucket, window) && ranking.needsSumsOnly) ranking.addSums(series, bucket * bucketMs, sums)
    else {
      const block = parts.chunks.read(rowId, bucket, only)
      const [from, to] = [block?.lowerBound(window.fromMs) ?? 0, block?.lowerBound(window.toMs) ?? 0]
      ranking.addValues(series, bucket * bucketMs, block?.column(field, from, to) ?? new Float64Array(0))
    }
  }
}

/** The head has points of a sealed hour: its roll-ups are not true any more, and the hour is answered from points. */
function isCorrected({ chunks }: QueryParts, { late, head, rowId }: Series, bucket: number): boolean {
  if (!late || head === undefined || rowId === undefined) return false
  const from = head.lowerBound(bucket * bucketMs)
  return from < head.length && bucketOf(head.timeAt(from)) === bucket && chunks.has(rowId, bucket)
}

function addHeads({ parts, ranking, field, kind, window }: Question): void {
  const only = new Set([field])
  for (const series of parts.registry.ofKind(kind)) {
    const { head, late, rowId } = series
    if (head === undefined || !ranking.isWanted(series)) continue
    // Whole hours: one that the head corrects anywhere is in no roll-up that counts.
    const end = head.lowerBound(ceilTo(window.toMs, bucketMs))
    for (let row = head.lowerBound(floorTo(window.fromMs, bucketMs)); row < end;) {
      const bucket = bucketOf(head.timeAt(row))
      const next = head.lowerBound((bucket + 1) * bucketMs)
      const fromMs = Math.max(window.fromMs, bucket * bucketMs)
      const toMs = Math.min(window.toMs, (bucket + 1) * bucketMs)
      const isSealed = late && rowId !== undefined && parts.chunks.has(rowId, bucket)
      // An hour that takes no more points is about to lose these.
      const isRefused = rowId !== undefined && isClosed(parts, rowId, bucket)
      if (!isRefused) {
        const merged = isSealed
          ? rowsOf(parts.chunks, series, only, { fromMs, toMs })
          : [{ block: head, from: head.lowerBound(fromMs), to: head.lowerBound(toMs) }]
        for (const { block, from, to } of merged) {
          ranking.addValues(series, bucket * bucketMs, block.column(field, from, to) ?? new Float64Array(0))
        }
      }
      row = next
    }
  }
}
