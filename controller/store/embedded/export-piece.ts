import { isField, type EntityKind } from '../measurements.js'
import type { Point } from '../time-series.js'
import { encodePoints } from './batch-codec.js'
import type { Answer, ExportPieceQuery } from './protocol.js'
import { rowsOf, type QueryParts } from './series-pieces.js'
import type { ColumnBlock } from './column-block.js'

const maxPoints = 5000

/**
 * The next points of a kind: some of one entity, or of several that have few.
 * @throws Error if a chunk is damaged
 */
export function exportPiece(parts: QueryParts, { kind, ids: wanted, fromMs, toMs, after }: ExportPieceQuery): Answer {
  const points: Point[] = []
  const all = new Set(parts.fields.allIds)
  const ids = [...parts.registry.ofKind(kind)]
    .map(({ id }) => id)
    .filter((id) => id >= after.id && (wanted?.has(id) ?? true))
  for (const id of ids.sort()) {
    const series = parts.registry.find(kind, id)
    if (series === undefined) continue
    const beginMs = id === after.id ? Math.max(fromMs, after.atMs + 1) : fromMs
    for (const { block, from, to } of rowsOf(parts.chunks, series, all, { fromMs: beginMs, toMs })) {
      for (let row = from; row < to; row += 1) {
        const atMs = block.timeAt(row)
        points.push({ entity: { kind, id }, atMs, fields: fieldsAt(parts, kind, block, row) })
        if (points.length === maxPoints) return { op: 'export', points: encodePoints(points), next: { id, atMs } }
      }
    }
  }
  return { op: 'export', points: encodePoints(points), next: undefined }
}

/** A row's values by name; fields that the program has no more stay behind. */
function fieldsAt({ fields }: QueryParts, kind: EntityKind, block: ColumnBlock, row: number): Record<string, number> {
  const known: Record<string, number> = {}
  for (const field of block.fields) {
    const value = block.valueAt(field, row)
    const name = fields.nameOf(field)
    if (!Number.isNaN(value) && isField(kind, name)) known[name] = value
  }
  return known
}
