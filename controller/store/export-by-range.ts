import { fieldNames } from './measurements.js'
import type { ExportQuery, Point, TimeSeries } from './time-series.js'

/** Of one question. At the fastest interval, a point a second, that is about 20,000 points. */
const sliceMs = 6 * 3_600_000
const pointsOfPiece = 5000

/** Points of a kind by entity and time, read one entity and some hours at a time. */
export async function* exportByRange(
  store: Pick<TimeSeries, 'range' | 'series'>,
  { kind, ids, fromMs, toMs, signal }: ExportQuery,
): AsyncGenerator<readonly Point[]> {
  const fields = fieldNames(kind)
  const series = await store.series({ kind })
  const wanted = series.filter(({ entity }) => ids?.has(entity.id) ?? true)
  for (const { entity, firstMs, lastMs } of wanted.toSorted((a, b) => (a.entity.id < b.entity.id ? -1 : 1))) {
    const end = Math.min(toMs, lastMs + 1)
    for (let from = Math.max(fromMs, firstMs); from < end; from += sliceMs) {
      signal?.throwIfAborted()
      const slice = { fromMs: from, toMs: Math.min(end, from + sliceMs), stepMs: 0, agg: 'last' } as const
      const { rows } = await store.range({ entity, fields, ...slice, tier: 'raw' })
      const points = rows.map(([atMs, ...values]) => ({ entity, atMs: atMs ?? NaN, fields: known(fields, values) }))
      for (let at = 0; at < points.length; at += pointsOfPiece) yield points.slice(at, at + pointsOfPiece)
    }
  }
}

function known(names: readonly string[], values: readonly (number | null)[]): Record<string, number> {
  const fields: Record<string, number> = {}
  for (const [index, name] of names.entries()) {
    const value = values[index]
    if (typeof value === 'number') fields[name] = value
  }
  return fields
}
