import { groupBy } from '../../../common/group-by.js'
import type { EntityKey } from '../time-series.js'
import type { FieldRollUp, RollUpRow } from '../roll-ups.js'
import type { RollUpTier } from '../server/tier-plan.js'
import { bucketMs, bucketOf } from './column-block.js'
import { encodeDay } from './day-codec.js'
import { rollupTiers } from './day-table.js'
import type { SealParts } from './seal.js'
import type { Series } from './series-registry.js'
import { addToSketch, sketchBucket, type Sketch } from './sketch.js'
import type { Summary } from './summaries.js'
import { dayMs } from './tier-steps.js'

/** Roll-ups of one entity that were made elsewhere. */
export interface RollUpGroup {
  readonly entity: EntityKey
  readonly tier: RollUpTier
  readonly rows: readonly RollUpRow[]
}

/**
 * Takes roll-ups of hours that this file knows nothing of. What was computed here, from points of its own, stands; so does what was
 * taken before. The hours take no points from then on. The transaction is the caller's; the registry is to be told afterwards, by `taken`.
 * @returns how many rows told something new
 * @throws DamagedRow
 */
export function putRollUps(parts: SealParts, { entity, tier, rows }: RollUpGroup): { rows: number; taken: () => void } {
  const { registry, days, counters } = parts
  const series = registry.ensure(entity.kind, entity.id)
  const open = rows.filter(({ startMs }) => !hasOwn(parts, series, bucketOf(startMs)))
  const nothing = { rows: 0, taken: () => undefined }
  if (open.length === 0) return nothing
  const rowId = registry.rowOf(series)
  const stepMs = dayMs / rollupTiers[tier].steps
  const byDay = groupBy(open, ({ startMs }) => Math.floor(startMs / dayMs))
  const fresh: number[] = []
  for (const [day, rowsOfDay] of byDay) {
    const merged = new Map([...days.read(rowId, day, tier)].map(([field, steps]) => [field, [...steps]]))
    const before = fresh.length
    for (const { startMs, fields } of rowsOfDay) {
      const step = Math.floor((startMs - day * dayMs) / stepMs)
      let isFresh = false
      for (const [name, known] of Object.entries(fields)) {
        const field = parts.fields.idOf(entity.kind, name)
        const steps = merged.get(field) ?? Array.from<Summary | undefined>({ length: rollupTiers[tier].steps })
        merged.set(field, steps)
        isFresh ||= steps[step] === undefined
        steps[step] ??= summaryOf(known)
      }
      if (isFresh) fresh.push(startMs)
    }
    if (fresh.length > before) days.write(rowId, day, tier, encodeDay(merged, rollupTiers[tier].steps))
  }
  if (fresh.length === 0) return nothing
  const span = { fromMs: Math.min(...fresh), throughMs: Math.max(...fresh) + stepMs - 1 }
  counters.raise('raw_from', bucketOf(span.throughMs) + 1)
  registry.widen(series, rowId, span)
  return { rows: fresh.length, taken: () => registry.widened(series, rowId, span) }
}

/** Whether there are points of the hour, or roll-ups that were made from such. */
function hasOwn({ chunks, rollups, fields }: SealParts, { head, rowId }: Series, bucket: number): boolean {
  const row = head?.lowerBound(bucket * bucketMs) ?? 0
  if (head !== undefined && row < head.length && bucketOf(head.timeAt(row)) === bucket) return true
  if (rowId === undefined) return false
  if (chunks.has(rowId, bucket)) return true
  const bounds = rollups.bounds()
  if (bounds === undefined || bucket < bounds.from || bucket > bounds.to) return false
  return rollups.has(bucket, fields.allIds, rowId)
}

function summaryOf(known: FieldRollUp): Summary {
  const { count, mean, min, max, last, sketch } = known
  return { count, sum: mean * count, min, max, last, sketch: sketch ?? estimatedSketch(known) }
}

/** Where only a server's figures are known: values at the mean, at the 95th percentile and at the greatest, as many as make these so. */
function estimatedSketch({ count, mean, max, p95 }: FieldRollUp): Sketch {
  const above = count - Math.max(1, Math.ceil(0.95 * count))
  const atP95 = Math.max(1, Math.round(0.05 * count))
  const sketch = new Map<number, number>()
  for (const [value, share] of [
    [Math.min(mean, p95), count - above - atP95],
    [p95, atP95],
    [max, above],
  ] as const) {
    if (share > 0) addToSketch(sketch, sketchBucket(value), share)
  }
  return sketch
}
