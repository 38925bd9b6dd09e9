import * as fc from 'fast-check'

import type {
  Aggregation,
  Batch,
  EntityKey,
  Point,
  RangeQuery,
  RangeResult,
  Tier,
  TopQuery,
  TopRow,
} from '../../controller/store/time-series.js'
import { aggregations } from '../../controller/store/time-series.js'

/** An entity's place in a ranking, and how large the values are that it comes from. */
interface ModelRow extends TopRow {
  readonly scale: number
}

const tierStepsMs = { raw: 1, '5m': 300_000, '1h': 3_600_000 } satisfies Record<Tier, number>

/** What a store must answer, by brute force over all points in memory. */
export class TimeSeriesModel {
  readonly #entities = new Map<
    string,
    { readonly entity: EntityKey; readonly points: Map<number, Map<string, number>> }
  >()

  write(points: readonly Point[]): void {
    for (const { entity, atMs, fields } of points) {
      const key = `${entity.kind} ${entity.id}`
      const known = this.#entities.get(key) ?? { entity, points: new Map<number, Map<string, number>>() }
      this.#entities.set(key, known)
      const merged = known.points.get(atMs) ?? new Map<string, number>()
      for (const [name, value] of Object.entries(fields)) merged.set(name, value)
      if (merged.size > 0) known.points.set(atMs, merged)
    }
  }

  /** The batches without values for what has another value already. */
  withoutSecondValues(batches: readonly Batch[]): Batch[] {
    const first = new Map<string, number>()
    const isFirst = ({ entity, atMs }: Point, name: string, value: number): boolean => {
      const key = `${entity.kind} ${entity.id}`
      const known = this.#entities.get(key)?.points.get(atMs)?.get(name) ?? first.get(`${key} ${atMs} ${name}`) ?? value
      first.set(`${key} ${atMs} ${name}`, known)
      return known === value
    }
    return batches.map((batch) => ({
      ...batch,
      points: batch.points.map((point) => ({
        ...point,
        fields: Object.fromEntries(Object.entries(point.fields).filter(([name, value]) => isFirst(point, name, value))),
      })),
    }))
  }

  drop(beforeMs: number): number {
    let dropped = 0
    for (const { points } of this.#entities.values()) {
      for (const atMs of points.keys()) {
        if (atMs >= beforeMs) continue
        points.delete(atMs)
        dropped += 1
      }
    }
    return dropped
  }

  get pointCount(): number {
    return [...this.#entities.values()].reduce((sum, { points }) => sum + points.size, 0)
  }

  get oldestMs(): number | undefined {
    const times = [...this.#entities.values()].flatMap(({ points }) => [...points.keys()])
    return times.length === 0 ? undefined : Math.min(...times)
  }

  range({ entity, fields, agg, tier = 'raw', ...query }: RangeQuery): RangeResult {
    const tierStepMs = tierStepsMs[tier]
    const stepMs = Math.max(query.stepMs, tierStepMs === 1 ? 0 : tierStepMs)
    const fromMs = Math.floor(query.fromMs / tierStepMs) * tierStepMs
    const toMs = Math.ceil(query.toMs / tierStepMs) * tierStepMs
    const points = this.#within(`${entity.kind} ${entity.id}`, fromMs, query.fromMs < query.toMs ? toMs : fromMs)
    const rows = new Map<number, number[][]>()
    for (const [atMs, values] of points) {
      if (!fields.some((field) => values.has(field))) continue
      const start = stepMs === 0 ? atMs : Math.floor(atMs / stepMs) * stepMs
      const row = rows.get(start) ?? fields.map(() => [])
      rows.set(start, row)
      for (const [index, field] of fields.entries()) {
        const value = values.get(field)
        if (value !== undefined) row[index]?.push(value)
      }
    }
    return {
      fields,
      rows: [...rows].map(([start, columns]) => [start, ...columns.map((values) => aggregate(values, agg) ?? null)]),
    }
  }

  /** How large the values are that a range comes from. */
  scale({ entity, fields, fromMs, toMs, agg }: RangeQuery): number {
    const points = this.#within(`${entity.kind} ${entity.id}`, fromMs - 3_600_000, toMs + 3_600_000)
    const sizes = points.flatMap(([, values]) => fields.map((field) => Math.abs(values.get(field) ?? 0)))
    return agg === 'sum' ? sizes.reduce((sum, size) => sum + size, 0) : Math.max(0, ...sizes)
  }

  /** Every entity that has a value, highest first. */
  top({ kind, field, agg, fromMs, toMs, ids }: Omit<TopQuery, 'n'>): ModelRow[] {
    const rows: ModelRow[] = []
    for (const [key, { entity }] of this.#entities) {
      if (entity.kind !== kind || (ids !== undefined && !ids.has(entity.id))) continue
      const values = this.#within(key, fromMs, toMs).flatMap(([, fields]) => fields.get(field) ?? [])
      const value = aggregate(values, agg)
      if (value === undefined) continue
      const sizes = values.map(Math.abs)
      const scale = agg === 'sum' ? sizes.reduce((sum, size) => sum + size, 0) : Math.max(...sizes)
      rows.push({ id: entity.id, value, scale })
    }
    return rows.sort((a, b) => b.value - a.value || (a.id < b.id ? -1 : 1))
  }

  #within(key: string, fromMs: number, toMs: number): (readonly [number, Map<string, number>])[] {
    const points = [...(this.#entities.get(key)?.points ?? [])]
    return points.filter(([atMs]) => atMs >= fromMs && atMs < toMs).sort(([a], [b]) => a - b)
  }
}

function aggregate(values: readonly number[], agg: Aggregation): number | undefined {
  if (values.length === 0) return undefined
  const sum = values.reduce((total, value) => total + value, 0)
  const results = {
    mean: sum / values.length,
    min: Math.min(...values),
    max: Math.max(...values),
    last: values.at(-1),
    sum,
    p95: values.toSorted((a, b) => a - b)[Math.max(1, Math.ceil(0.95 * values.length)) - 1],
  } satisfies Record<Aggregation, number | undefined>
  return results[agg]
}

/** What of a value an answer may be off by: for the order in which numbers are added, or for what a roll-up keeps of them. */
export const exactly = 1e-9
export const asRolledUp = 2 ** -16

/** Equal but for a share of a million, of themselves, or of what they were made from. */
export function sameNumber(
  a: number | null | undefined,
  b: number | null | undefined,
  error = exactly,
  scale = 0,
): boolean {
  if (typeof a !== 'number' || typeof b !== 'number') return a === b
  return Math.abs(a - b) <= Math.max(exactly * 1e6, error * Math.max(Math.abs(a), Math.abs(b), scale))
}

/** Undefined if the rows are the same, or what differs. */
export function rangeDifference(
  got: RangeResult,
  expected: RangeResult,
  error = exactly,
  scale = 0,
): string | undefined {
  return rowDifference(got, expected, (found, column, row) => {
    return sameNumber(found, expected.rows[row]?.[column], error, scale)
  })
}

/** The same for a quantile that is known to lie between the least and the greatest of its step only. */
export function rangeOutside(got: RangeResult, model: TimeSeriesModel, query: RangeQuery): string | undefined {
  const [least, greatest] = [model.range({ ...query, agg: 'min' }), model.range({ ...query, agg: 'max' })]
  return rowDifference(got, least, (found, column, row) => {
    return isBetween(found, least.rows[row]?.[column], greatest.rows[row]?.[column])
  })
}

function rowDifference(
  got: RangeResult,
  expected: RangeResult,
  fits: (found: number | null | undefined, column: number, row: number) => boolean,
): string | undefined {
  if (got.rows.length !== expected.rows.length) return `${got.rows.length} rows instead of ${expected.rows.length}`
  for (const [index, row] of expected.rows.entries()) {
    const found = got.rows[index] ?? []
    if (found.length === row.length && found[0] === row[0]) {
      if (found.every((value, column) => column === 0 || fits(value, column, index))) continue
    }
    return `row ${index}: ${JSON.stringify(found)} instead of ${JSON.stringify(row)}`
  }
  return undefined
}

function isBetween(
  value: number | null | undefined,
  least: number | null | undefined,
  greatest: number | null | undefined,
): boolean {
  if (typeof value !== 'number' || typeof least !== 'number' || typeof greatest !== 'number') return value === least
  const rounding = exactly * Math.max(1e6, Math.abs(value))
  return value >= least - rounding && value <= greatest + rounding
}

/**
 * Undefined if `got` are the `n` highest of `all`, or what differs. Rows that are equal but for rounding may change places.
 * @param error of each value, as a share of what it was made from
 */
export function topDifference(
  got: readonly TopRow[],
  all: readonly ModelRow[],
  n: number,
  error = exactly,
): string | undefined {
  if (got.length !== Math.min(n, all.length)) return `${got.length} rows instead of ${Math.min(n, all.length)}`
  const truth = new Map(all.map((row) => [row.id, row]))
  const scale = Math.max(...all.map((row) => row.scale))
  for (const [place, { id, value }] of got.entries()) {
    const own = truth.get(id)
    if (sameNumber(value, own?.value, error, own?.scale) && sameNumber(value, all[place]?.value, error, scale)) continue
    return `place ${place}: ${id} with ${value}; expected ${JSON.stringify(all[place])}, it has ${own?.value}`
  }
  return new Set(got.map(({ id }) => id)).size === got.length ? undefined : 'an entity twice'
}

/** The same for quantiles that are known to lie between the least and the greatest of their entity only, in order. */
export function topOutside(got: readonly TopRow[], model: TimeSeriesModel, query: TopQuery): string | undefined {
  const least = new Map(model.top({ ...query, agg: 'min' }).map(({ id, value }) => [id, value]))
  const greatest = new Map(model.top({ ...query, agg: 'max' }).map(({ id, value }) => [id, value]))
  if (got.length !== Math.min(query.n, least.size))
    return `${got.length} rows instead of ${Math.min(query.n, least.size)}`
  for (const [place, { id, value }] of got.entries()) {
    if (!isBetween(value, least.get(id), greatest.get(id))) return `place ${place}: ${id} with ${value}`
    if (value > (got[place - 1]?.value ?? Infinity)) return `place ${place} is higher than the one before`
  }
  return undefined
}

export const modelStartMs = Date.UTC(2026, 2, 1, 9, 50)
const spanMs = 4 * 3_600_000
const fieldsOf = {
  vm: ['cpuCores', 'memoryBytes', 'writeLatencyMs', 'running'],
  host: ['cpuUsedCores', 'load1'],
} as const

/** Few entities and times, so that points meet; hours are crossed, and some times lie exactly on their edge. */
const atMs = fc.oneof(
  fc.integer({ min: 0, max: spanMs / 10_000 }).map((tick) => modelStartMs + tick * 10_000),
  fc.integer({ min: 0, max: spanMs }).map((offset) => modelStartMs + offset),
  fc.integer({ min: 0, max: 4 }).map((hour) => Date.UTC(2026, 2, 1, 10 + hour)),
)
const value = fc.oneof(
  fc.integer({ min: -5, max: 5 }),
  fc.double({ min: -1e6, max: 1e6, noNaN: true }),
  fc.constant(2 ** 31),
)
const point: fc.Arbitrary<Point> = fc.constantFrom<('vm' | 'host')[]>('vm', 'vm', 'vm', 'host').chain((kind) =>
  fc.record({
    entity: fc.record({ kind: fc.constant(kind), id: fc.constantFrom('a', 'b', 'c/d', 'é"\n') }),
    atMs,
    fields: fc.subarray<string>([...fieldsOf[kind]]).chain((names) =>
      fc.tuple(...names.map(() => value)).map((values) => {
        return Object.fromEntries(names.map((name, index) => [name, values[index] ?? 0]))
      }),
    ),
  }),
)

export const arbitraryBatch: fc.Arbitrary<Batch> = fc
  .array(point, { maxLength: 40, size: 'max' })
  .map((points) => ({ points, events: [], marks: [] }))

const window = fc.tuple(atMs, atMs).map(([a, b]) => ({ fromMs: Math.min(a, b), toMs: Math.max(a, b) }))
const aggregation = fc.constantFrom(...aggregations)

export const arbitraryRange: fc.Arbitrary<RangeQuery> = fc
  .tuple(
    window,
    fc.constantFrom('a', 'b', 'c/d', 'é"\n', 'nobody'),
    fc.subarray<string>([...fieldsOf.vm], { minLength: 1 }),
    fc.constantFrom(0, 1000, 60_000, 300_000, 3_600_000, 7_200_000),
    aggregation,
  )
  .map(([times, id, fields, stepMs, agg]) => ({ ...times, entity: { kind: 'vm', id }, fields, stepMs, agg }))

/** From a roll-up alone. */
export const arbitraryRolledRange: fc.Arbitrary<RangeQuery> = fc
  .tuple(arbitraryRange, fc.constantFrom<Tier[]>('5m', '1h'), fc.constantFrom(0, 60_000, 900_000, 7_200_000))
  .map(([query, tier, stepMs]) => ({ ...query, tier, stepMs }))

export const arbitraryTop: fc.Arbitrary<TopQuery> = fc
  .tuple(
    window,
    fc.constantFrom(...fieldsOf.vm),
    aggregation,
    fc.integer({ min: 0, max: 5 }),
    fc.option(fc.subarray(['a', 'b', 'c/d']), { nil: undefined }),
  )
  .map(([times, field, agg, n, ids]) => {
    return { ...times, kind: 'vm', field, agg, n, ...(ids === undefined ? {} : { ids: new Set(ids) }) }
  })
