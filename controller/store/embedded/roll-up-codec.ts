import { fieldNames, type EntityKind } from '../measurements.js'
import type { FieldRollUp, RollUpRow } from '../roll-ups.js'

/*
 * Roll-ups of one entity as numbers, for the way between threads.
 *   each row: start, fields, each: number of the field in measurements.ts, count, mean, min, max, last, p95, buckets, each: bucket, count
 */

export function encodeRollUps(kind: EntityKind, rows: readonly RollUpRow[]): Float64Array<ArrayBuffer> {
  const names = fieldNames(kind)
  const cells: number[] = []
  for (const { startMs, fields } of rows) {
    const known = Object.entries(fields)
    cells.push(startMs, known.length)
    for (const [name, { count, mean, min, max, last, p95, sketch }] of known) {
      cells.push(names.indexOf(name), count, mean, min, max, last, p95, sketch?.size ?? 0)
      for (const [bucket, values] of sketch ?? []) cells.push(bucket, values)
    }
  }
  return Float64Array.from(cells)
}

/** What encodeRollUps made. */
export function decodeRollUps(kind: EntityKind, cells: Float64Array): RollUpRow[] {
  const names = fieldNames(kind)
  let at = 0
  const next = (): number => cells[at++] ?? NaN
  const rows: RollUpRow[] = []
  while (at < cells.length) {
    const startMs = next()
    const fields: Record<string, FieldRollUp> = {}
    for (let left = next(); left > 0; left -= 1) {
      const name = names[next()] ?? ''
      const summary = { count: next(), mean: next(), min: next(), max: next(), last: next(), p95: next() }
      const sketch = new Map<number, number>()
      for (let buckets = next(); buckets > 0; buckets -= 1) sketch.set(next(), next())
      fields[name] = sketch.size === 0 ? summary : { ...summary, sketch }
    }
    rows.push({ startMs, fields })
  }
  return rows
}
