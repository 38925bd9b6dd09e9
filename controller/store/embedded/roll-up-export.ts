import { fieldNames } from '../measurements.js'
import type { FieldRollUp, RollUpQuery, RollUpRow } from '../roll-ups.js'
import { bucketMs } from './column-block.js'
import { piecesOf, type QueryParts } from './series-pieces.js'
import { sketchQuantile } from './sketch.js'
import type { Summary } from './summaries.js'
import { fineStepMs } from './tier-steps.js'

/**
 * Roll-ups as they are kept, to take them elsewhere. Hours whose points are not sealed yet have none.
 * @throws Error if something that is needed is damaged
 */
export function rollUpsOf(parts: QueryParts, { entity, tier, fromMs, toMs }: RollUpQuery): RollUpRow[] {
  const names = fieldNames(entity.kind)
  const series = parts.registry.find(entity.kind, entity.id)
  if (series === undefined || fromMs >= toMs) return []
  const fields = names.map((name) => parts.fields.idOf(entity.kind, name))
  const stepMs = tier === '1h' ? bucketMs : fineStepMs
  const window = { fromMs: Math.floor(fromMs / stepMs) * stepMs, toMs: Math.ceil(toMs / stepMs) * stepMs }
  const rows = new Map<number, Record<string, FieldRollUp>>()
  for (const piece of piecesOf(parts, series, { ...window, fields, tier, coarsest: tier })) {
    if (piece.is !== 'steps') continue
    for (const [index, list] of piece.lists.entries()) {
      for (const [place, step] of list?.steps.entries() ?? []) {
        const startMs = piece.startMs + step * piece.stepMs
        if (list === undefined || startMs < piece.window.fromMs || startMs >= piece.window.toMs) continue
        const row = rows.get(startMs) ?? {}
        rows.set(startMs, row)
        row[names[index] ?? ''] = fieldRollUp(list.summaries.at(list.first + place))
      }
    }
  }
  return [...rows].sort(([a], [b]) => a - b).map(([startMs, known]) => ({ startMs, fields: known }))
}

function fieldRollUp({ count, sum, min, max, last, sketch }: Summary): FieldRollUp {
  const p95 = sketchQuantile(sketch, 0.95) ?? NaN
  // The sketch is coarser than the bounds.
  return { count, mean: sum / count, min, max, last, p95: Math.min(max, Math.max(min, p95)), sketch }
}
