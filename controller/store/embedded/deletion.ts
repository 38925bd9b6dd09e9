import { allSteps, encodeDay } from './day-codec.js'
import type { Deleted } from './chunk-table.js'
import { bucketMs, bucketOf } from './column-block.js'
import { rollupTiers, type RollupTier } from './day-table.js'
import type { SealParts } from './seal.js'
import { dayMs, dayOf, fineStepMs } from './tier-steps.js'

export type DeletionParts = SealParts

const chunksPerSlice = 64
const daysPerSlice = 32

export interface ChunkDeletion {
  /** Not what was written since. */
  readonly writtenBeforeMs?: number
  /** It goes before its time. */
  readonly counted?: boolean
  /** The newest hour stays open: more of it comes. */
  readonly newestOpen?: boolean
}

/** Deletes some chunks of the oldest hour, if it ended by `beforeMs`, as one transaction. */
export function deleteOldestChunks(
  parts: DeletionParts,
  beforeMs: number,
  { writtenBeforeMs = Infinity, counted = false, newestOpen = false }: ChunkDeletion = {},
): Deleted {
  return changingPoints(parts, () => {
    const newest = newestOpen ? (parts.chunks.bounds()?.to ?? 0) : Infinity
    const deleted = parts.chunks.deleteOldest(beforeMs, chunksPerSlice, writtenBeforeMs)
    if (deleted.chunks > 0) parts.counters.raise('raw_from', Math.min(deleted.bucket + 1, newest))
    if (counted) parts.counters.add('trimmed_points', deleted.points)
    return deleted
  })
}

/** Cuts some chunks of the hour that the time lies in, as one transaction. */
export function cutChunks(parts: DeletionParts, beforeMs: number): Deleted {
  return changingPoints(parts, () => parts.chunks.cutBefore(beforeMs, chunksPerSlice))
}

function changingPoints({ db, counters }: DeletionParts, change: () => Deleted): Deleted {
  return db.transaction(() => {
    const deleted = change()
    counters.add('points', -deleted.points)
    return deleted
  })
}

/** Deletes some rows of the oldest day of a tier, if that ended by `beforeMs`; returns how many. */
export function deleteOldestDay({ db, days }: DeletionParts, tier: RollupTier, beforeMs: number): number {
  const day = days.oldest(tier)
  if (day === undefined || (day + 1) * dayMs > beforeMs) return 0
  return db.transaction(() => days.delete(tier, day, daysPerSlice))
}

/** Forgets the whole steps that a tier and the finer one have before the time. */
export function* dropRollups(parts: DeletionParts, beforeMs: number, tier: RollupTier): Generator<void> {
  for (const one of tier === '5m' ? (['5m'] as const) : (['5m', '1h'] as const)) {
    while (deleteOldestDay(parts, one, beforeMs) > 0) yield
    if (parts.days.oldest(one) === dayOf(bucketOf(beforeMs))) cutDay(parts, one, beforeMs)
  }
  const { db, rollups, fields } = parts
  const bounds = rollups.bounds()
  if (bounds === undefined) return
  for (let bucket = bounds.from; bucket <= Math.min(bounds.to, bucketOf(beforeMs)); bucket += 1) {
    const isWhole = (bucket + 1) * bucketMs <= beforeMs
    for (const part of rollups.partsAt(bucket)) {
      db.transaction(() => {
        if (isWhole && tier === '1h') rollups.delete(bucket, part, fields.allIds)
        else rollups.forgetSteps(bucket, part, fields.allIds, (beforeMs - bucket * bucketMs) / fineStepMs)
      })
      yield
    }
  }
}

function cutDay({ db, days, fields }: DeletionParts, tier: RollupTier, beforeMs: number): void {
  const day = dayOf(bucketOf(beforeMs))
  const { steps } = rollupTiers[tier]
  const kept = Math.floor((beforeMs - day * dayMs) / (dayMs / steps))
  db.transaction(() => {
    for (const { series, fields: known } of days.ofDay(day, tier, new Set(fields.allIds))) {
      const cut = [...known].map(([field, list]) => {
        return [field, allSteps(list, steps).map((step, index) => (index < kept ? undefined : step))] as const
      })
      days.write(series, day, tier, encodeDay(new Map(cut), steps))
    }
  })
}
