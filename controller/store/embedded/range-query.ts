import type { RangeQuery, SeriesInfo } from '../time-series.js'
import { addColumn, emptyAggregate, resultOf, type Aggregate } from './aggregate.js'
import { bucketMs } from './column-block.js'
import type { RangeCells } from './protocol.js'
import { piecesOf, type QueryParts, type Rows, type Steps } from './series-pieces.js'
import { ceilTo, dayMs, fineStepMs, floorTo } from './tier-steps.js'

/** More cells than this do not fit into one answer: ask for steps or a shorter time. */
const maxCells = 4_000_000

/**
 * Values of one entity over time. Answered from the points as far back as they reach, and from roll-ups before: of an hour if
 * the step is made of hours, else of five minutes where there are such. A step that is narrower than the roll-up has rows only
 * where one of those begins. A window that cuts a roll-up gets all of it.
 * @throws Error if the answer were too large, or something that it needs is damaged
 */
export function range(parts: QueryParts, query: RangeQuery): RangeCells {
  const { entity, fields, agg, tier } = query
  const series = parts.registry.find(entity.kind, entity.id)
  const ids = fields.map((name) => parts.fields.idOf(entity.kind, name))
  const out = new CellWriter(fields.length + 1)
  const tierStepMs = tier === '1h' ? bucketMs : tier === '5m' ? fineStepMs : 0
  const stepMs = Math.max(query.stepMs, tierStepMs)
  if (series === undefined || !(query.fromMs < query.toMs)) return out.finished()
  // Points as stored come from no roll-up.
  const from = stepMs === 0 ? 'raw' : tier
  const coarsest = stepMs % dayMs === 0 && agg !== 'p95' ? 'day' : stepMs % bucketMs === 0 ? '1h' : '5m'
  const fromMs = tierStepMs === 0 ? query.fromMs : floorTo(query.fromMs, tierStepMs)
  const toMs = tierStepMs === 0 ? query.toMs : ceilTo(query.toMs, tierStepMs)
  const step = new StepWriter(out, ids.length, stepMs, agg)
  for (const piece of piecesOf(parts, series, { fields: ids, fromMs, toMs, tier: from, coarsest })) {
    if (piece.is === 'steps') addSteps(step, piece, agg)
    else if (stepMs === 0) addStored(out, piece, ids)
    else addRows(step, piece, ids)
  }
  step.flush()
  return out.finished()
}

function addStored(out: CellWriter, { block, from, to }: Rows, ids: readonly number[]): void {
  const columns = ids.map((id) => block.column(id, from, to))
  const times = block.times(from, to)
  for (let row = 0; row < times.length; row += 1) out.addRowOf(times[row] ?? NaN, columns, row)
}

/** Step by step, and in each column by column. */
function addRows(out: StepWriter, { block, from, to }: Rows, ids: readonly number[]): void {
  for (let row = from; row < to;) {
    const atMs = block.timeAt(row)
    const end = Math.min(to, block.lowerBound(out.endOf(atMs)))
    for (const [index, id] of ids.entries()) {
      const values = block.column(id, row, end)
      if (values?.some((value) => !Number.isNaN(value)) === true) addColumn(out.fieldAt(atMs, index), values)
    }
    row = end
  }
}

function addSteps(
  out: StepWriter,
  { startMs, stepMs, lists, window: { fromMs, toMs } }: Steps,
  agg: RangeQuery['agg'],
): void {
  const first = Math.floor((fromMs - startMs) / stepMs)
  const end = Math.ceil((toMs - startMs) / stepMs)
  const places = lists.map(() => 0)
  for (let step = Math.max(0, first); step < Math.min(end, dayMs / stepMs); step += 1) {
    for (let index = 0; index < lists.length; index += 1) {
      const list = lists[index]
      if (list === undefined) continue
      let place = places[index] ?? 0
      while ((list.steps[place] ?? Infinity) < step) place += 1
      places[index] = place
      if (list.steps[place] !== step) continue
      list.summaries.addTo(out.fieldAt(startMs + step * stepMs, index), list.first + place, agg)
    }
  }
}

/** Growing rows of numbers. */
class CellWriter {
  #cells = new Float64Array(1024)
  #length = 0

  constructor(private readonly width: number) {}

  add(atMs: number, values: Float64Array): void {
    this.#reserve()
    this.#cells[this.#length] = atMs
    this.#cells.set(values, this.#length + 1)
    this.#length += this.width
  }

  /** One row of some columns, if any of them has a value there. */
  addRowOf(atMs: number, columns: readonly (Float64Array | undefined)[], row: number): void {
    this.#reserve()
    let isEmpty = true
    for (let index = 0; index < columns.length; index += 1) {
      const value = columns[index]?.[row] ?? NaN
      if (!Number.isNaN(value)) isEmpty = false
      this.#cells[this.#length + 1 + index] = value
    }
    if (isEmpty) return
    this.#cells[this.#length] = atMs
    this.#length += this.width
  }

  finished(): RangeCells {
    return { width: this.width, cells: this.#cells.slice(0, this.#length) }
  }

  #reserve(): void {
    const end = this.#length + this.width
    if (end > maxCells) throw new Error(`the answer has more than ${maxCells} values: ask for a step or a shorter time`)
    if (end <= this.#cells.length) return
    const larger = new Float64Array(Math.max(end, this.#cells.length * 2))
    larger.set(this.#cells)
    this.#cells = larger
  }
}

/** Aggregates by step what comes in the order of time. */
class StepWriter {
  #startMs = NaN
  #endMs = NaN
  #sums: Aggregate[] = []
  readonly #results: Float64Array

  constructor(
    private readonly out: CellWriter,
    private readonly fieldCount: number,
    private readonly stepMs: number,
    private readonly aggregation: RangeQuery['agg'],
  ) {
    this.#results = new Float64Array(fieldCount)
  }

  /** When the step ends that the time lies in. */
  endOf(atMs: number): number {
    return floorTo(atMs, this.stepMs) + this.stepMs
  }

  /** What belongs to a field in the step that the time lies in. */
  fieldAt(atMs: number, index: number): Aggregate {
    if (!(atMs >= this.#startMs && atMs < this.#endMs)) this.#begin(atMs)
    const sums = this.#sums[index]
    if (sums === undefined) throw new Error(`no field ${index}`)
    return sums
  }

  flush(): void {
    if (Number.isNaN(this.#startMs)) return
    for (const [index, sums] of this.#sums.entries()) this.#results[index] = resultOf(sums, this.aggregation) ?? NaN
    this.out.add(this.#startMs, this.#results)
    this.#startMs = NaN
  }

  #begin(atMs: number): void {
    this.flush()
    this.#startMs = floorTo(atMs, this.stepMs)
    this.#endMs = this.endOf(atMs)
    this.#sums = []
    while (this.#sums.length < this.fieldCount) this.#sums.push(emptyAggregate(this.aggregation))
  }
}

/** @param oldestMs of anything that is kept: what a series had before is gone */
export function seriesInfos(
  { registry }: QueryParts,
  kind: SeriesInfo['entity']['kind'],
  oldestMs: number,
): SeriesInfo[] {
  const infos: SeriesInfo[] = []
  for (const { id, head, sealedFromMs, sealedThroughMs } of registry.ofKind(kind)) {
    const firstMs = Math.max(oldestMs, Math.min(head?.firstMs ?? Infinity, sealedFromMs))
    const lastMs = Math.max(head?.lastMs ?? -Infinity, sealedThroughMs)
    if (Number.isFinite(lastMs)) infos.push({ entity: { kind, id }, firstMs, lastMs })
  }
  return infos
}
