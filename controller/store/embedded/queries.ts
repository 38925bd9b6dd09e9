import type { RangeQuery, SeriesInfo, TopQuery, TopRow } from '../time-series.js'
import { addAggregate, addColumn, addValue, emptyAggregate, resultOf, type Aggregate } from './aggregate.js'
import type { ChunkTable } from './chunk-table.js'
import { bucketMs, bucketOf, type ColumnBlock } from './column-block.js'
import type { RangeCells } from './protocol.js'
import type { FieldDictionary } from './schema.js'
import type { Series, SeriesRegistry } from './series-registry.js'

export interface QueryParts {
  readonly registry: SeriesRegistry
  readonly chunks: ChunkTable
  readonly fields: FieldDictionary
}

/** More cells than this do not fit into one answer: ask for steps or a shorter time. */
const maxCells = 4_000_000
const maxTop = 10_000

/** Rows `from` to `to` (exclusive) of a block. */
interface Rows {
  readonly block: ColumnBlock
  readonly from: number
  readonly to: number
}

/** Points of a series in a time, ascending, sealed ones and head merged. */
function* rowsOf(
  { chunks }: QueryParts,
  series: Series,
  fields: ReadonlySet<number>,
  fromMs: number,
  toMs: number,
): Generator<Rows> {
  const { head, rowId } = series
  let headRow = head?.lowerBound(fromMs) ?? 0
  const headEnd = head?.lowerBound(toMs) ?? 0
  const sealed = rowId === undefined ? undefined : chunks.seriesBounds(rowId)
  if (rowId !== undefined && sealed !== undefined) {
    const span = { from: bucketOf(Math.max(fromMs, sealed.from)), to: bucketOf(Math.min(toMs - 1, sealed.to)) }
    for (const [bucket, block] of chunks.readSpan(rowId, span, fields)) {
      if (head !== undefined) {
        const before = Math.min(headEnd, head.lowerBound(bucket * bucketMs))
        if (before > headRow) yield { block: head, from: headRow, to: before }
        headRow = Math.max(headRow, before)
        const within = Math.min(headEnd, head.lowerBound((bucket + 1) * bucketMs))
        block.merge(head, headRow, Math.max(headRow, within))
        headRow = Math.max(headRow, within)
      }
      yield { block, from: block.lowerBound(fromMs), to: block.lowerBound(toMs) }
    }
  }
  if (head !== undefined && headEnd > headRow) yield { block: head, from: headRow, to: headEnd }
}

/** @throws Error if the answer were too large, or a chunk is damaged */
export function range(parts: QueryParts, { entity, fields, fromMs, toMs, stepMs, agg }: RangeQuery): RangeCells {
  const width = fields.length + 1
  const series = parts.registry.find(entity.kind, entity.id)
  const ids = fields.map((name) => parts.fields.idOf(entity.kind, name))
  const out = new CellWriter(width)
  if (series === undefined || !(fromMs < toMs)) return out.finished()
  const step = new StepWriter(out, ids.length, stepMs, agg)
  for (const { block, from, to } of rowsOf(parts, series, new Set(ids), fromMs, toMs)) {
    const columns = ids.map((id) => block.column(id, from, to))
    for (const [row, atMs] of block.times(from, to).entries()) {
      const values = columns.map((column) => column?.[row] ?? NaN)
      if (values.every((value) => Number.isNaN(value))) continue
      if (stepMs === 0) out.add(atMs, values)
      else step.add(atMs, values)
    }
  }
  step.flush()
  return out.finished()
}

/** Growing rows of numbers. */
class CellWriter {
  #cells = new Float64Array(1024)
  #length = 0

  constructor(private readonly width: number) {}

  add(atMs: number, values: readonly number[]): void {
    const end = this.#length + this.width
    if (end > maxCells) throw new Error(`the answer has more than ${maxCells} values: ask for a step or a shorter time`)
    if (end > this.#cells.length) {
      const larger = new Float64Array(Math.max(end, this.#cells.length * 2))
      larger.set(this.#cells)
      this.#cells = larger
    }
    this.#cells[this.#length] = atMs
    this.#cells.set(values, this.#length + 1)
    this.#length = end
  }

  finished(): RangeCells {
    return { width: this.width, cells: this.#cells.slice(0, this.#length) }
  }
}

/** Aggregates ascending rows by step. */
class StepWriter {
  #startMs = NaN
  readonly #sums: Aggregate[]

  constructor(
    private readonly out: CellWriter,
    fieldCount: number,
    private readonly stepMs: number,
    private readonly aggregation: RangeQuery['agg'],
  ) {
    this.#sums = Array.from({ length: fieldCount }, emptyAggregate)
  }

  add(atMs: number, values: readonly number[]): void {
    const startMs = Math.floor(atMs / this.stepMs) * this.stepMs
    if (startMs !== this.#startMs) {
      this.flush()
      this.#startMs = startMs
    }
    for (const [index, sums] of this.#sums.entries()) {
      const value = values[index] ?? NaN
      if (!Number.isNaN(value)) addValue(sums, value)
    }
  }

  flush(): void {
    if (Number.isNaN(this.#startMs)) return
    this.out.add(
      this.#startMs,
      this.#sums.map((sums) => resultOf(sums, this.aggregation) ?? NaN),
    )
    for (const sums of this.#sums) Object.assign(sums, emptyAggregate())
    this.#startMs = NaN
  }
}

/**
 * Whole chunks are answered from their sums; only chunks that the window cuts are unpacked, and series whose head reaches back.
 * @throws Error if a chunk is damaged
 */
export function top(parts: QueryParts, { kind, field, agg, fromMs, toMs, n, ids }: TopQuery): TopRow[] {
  const fieldId = parts.fields.idOf(kind, field)
  const sums = new Map<Series, Aggregate>()
  const add = (series: Series, aggregate: Readonly<Aggregate>): void => {
    const found = sums.get(series)
    if (found === undefined) sums.set(series, { ...aggregate })
    else addAggregate(found, aggregate)
  }
  const isWanted = (series: Series | undefined): series is Series =>
    series !== undefined && !series.late && (ids?.has(series.id) ?? true)
  if (fromMs < toMs) addSealed(parts, fieldId, { fromMs, toMs, agg }, isWanted, add)
  for (const series of parts.registry.ofKind(kind)) {
    const { head, late, id } = series
    if (head === undefined || !(ids?.has(id) ?? true) || !(fromMs < toMs)) continue
    const aggregate = emptyAggregate()
    const rows = late
      ? rowsOf(parts, series, new Set([fieldId]), fromMs, toMs)
      : [{ block: head, from: head.lowerBound(fromMs), to: head.lowerBound(toMs) }]
    for (const { block, from, to } of rows) addColumn(aggregate, block.column(fieldId, from, to) ?? [])
    if (aggregate.count > 0) add(series, aggregate)
  }
  const rows: TopRow[] = []
  for (const [series, aggregate] of sums) {
    const value = resultOf(aggregate, agg)
    if (value !== undefined) rows.push({ id: series.id, value })
  }
  rows.sort((a, b) => b.value - a.value || (a.id < b.id ? -1 : 1))
  return rows.slice(0, Math.min(Math.max(0, Math.floor(n)), maxTop))
}

function addSealed(
  { chunks, registry }: QueryParts,
  field: number,
  { fromMs, toMs, agg }: Pick<TopQuery, 'fromMs' | 'toMs' | 'agg'>,
  isWanted: (series: Series | undefined) => series is Series,
  add: (series: Series, aggregate: Readonly<Aggregate>) => void,
): void {
  const bounds = chunks.bounds()
  if (bounds === undefined) return
  const first = Math.max(bounds.from, bucketOf(fromMs))
  const last = Math.min(bounds.to, bucketOf(toMs - 1))
  if (first > last) return
  const whole = {
    from: Math.max(first, Math.ceil(fromMs / bucketMs)),
    to: Math.min(last, Math.floor(toMs / bucketMs) - 1),
  }
  // In the order of time, for `last`: the cut bucket at the start, whole ones, the cut one at the end.
  if (first < whole.from) addCut(first)
  if (whole.from <= whole.to) {
    if (agg === 'last') {
      for (const { series: rowId, last } of chunks.lasts(field, whole)) {
        const series = registry.byRowId(rowId)
        if (isWanted(series)) add(series, { count: 1, sum: last, min: last, max: last, last })
      }
    } else {
      for (const stats of chunks.sums(field, whole)) {
        const series = registry.byRowId(stats.series)
        if (isWanted(series)) add(series, stats)
      }
    }
  }
  if (last > whole.to && last >= whole.from) addCut(last)

  function addCut(bucket: number): void {
    const only = new Set([field])
    for (const stats of chunks.bucketStats(field, bucket)) {
      const series = registry.byRowId(stats.series)
      if (!isWanted(series) || stats.lastMs < fromMs || stats.firstMs >= toMs) continue
      if (stats.firstMs >= fromMs && stats.lastMs < toMs) {
        add(series, stats)
        continue
      }
      const block = chunks.read(stats.series, bucket, only)
      const cut = emptyAggregate()
      addColumn(cut, block?.column(field, block.lowerBound(fromMs), block.lowerBound(toMs)) ?? [])
      if (cut.count > 0) add(series, cut)
    }
  }
}

export function seriesInfos({ registry, chunks }: QueryParts, kind: SeriesInfo['entity']['kind']): SeriesInfo[] {
  const infos: SeriesInfo[] = []
  for (const { id, head, rowId } of registry.ofKind(kind)) {
    const sealed = rowId === undefined ? undefined : chunks.seriesBounds(rowId)
    const firstMs = Math.min(head?.firstMs ?? Infinity, sealed?.from ?? Infinity)
    const lastMs = Math.max(head?.lastMs ?? -Infinity, sealed?.to ?? -Infinity)
    if (Number.isFinite(firstMs)) infos.push({ entity: { kind, id }, firstMs, lastMs })
  }
  return infos
}
