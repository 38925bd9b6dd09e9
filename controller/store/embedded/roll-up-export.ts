import { fieldNames } from '../measurements.js'
import { bucketMs } from './column-block.js'
import { rollUpStats, type RangeCells, type RollUpQuery } from './protocol.js'
import { piecesOf, type QueryParts } from './series-pieces.js'
import { sketchQuantile } from './sketch.js'
import type { Summary } from './summaries.js'
import { fineStepMs } from './tier-steps.js'

/**
 * Roll-ups as they are kept, to take them elsewhere. Hours whose points are not sealed yet have none.
 * @throws Error if something that is needed is damaged
 */
export function rollUpsOf(parts: QueryParts, { entity, tier, fromMs, toMs }: RollUpQuery): RangeCells {
  const names = fieldNames(entity.kind)
  const width = 1 + names.length * rollUpStats.length
  const series = parts.registry.find(entity.kind, entity.id)
  if (series === undefined || fromMs >= toMs) return { width, cells: new Float64Array() }
  const fields = names.map((name) => parts.fields.idOf(entity.kind, name))
  const stepMs = tier === '1h' ? bucketMs : fineStepMs
  const window = { fromMs: Math.floor(fromMs / stepMs) * stepMs, toMs: Math.ceil(toMs / stepMs) * stepMs }
  const rows = new Map<number, Float64Array>()
  for (const piece of piecesOf(parts, series, { ...window, fields, tier, coarsest: tier })) {
    if (piece.is !== 'steps') continue
    for (const [index, list] of piece.lists.entries()) {
      for (const [place, step] of list?.steps.entries() ?? []) {
        const startMs = piece.startMs + step * piece.stepMs
        if (list === undefined || startMs < piece.window.fromMs || startMs >= piece.window.toMs) continue
        const row = rows.get(startMs) ?? new Float64Array(width).fill(NaN)
        rows.set(startMs, row)
        row[0] = startMs
        row.set(statsOf(list.summaries.at(list.first + place)), 1 + index * rollUpStats.length)
      }
    }
  }
  const cells = new Float64Array(rows.size * width)
  for (const [place, [, row]] of [...rows].sort(([a], [b]) => a - b).entries()) cells.set(row, place * width)
  return { width, cells }
}

function statsOf({ count, sum, min, max, last, sketch }: Summary): number[] {
  const p95 = sketchQuantile(sketch, 0.95) ?? NaN
  // The sketch is coarser than the bounds.
  return [count, sum / count, min, max, last, Math.min(max, Math.max(min, p95))]
}
