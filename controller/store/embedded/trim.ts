import { bucketMs } from './column-block.js'
import { type SqlDatabase, numberAt } from './database.js'
import { deleteOldestChunks, type DeletionParts } from './deletion.js'
import type { RollupTier } from './day-table.js'
import { sealAll } from './seal.js'
import { dayMs } from './tier-steps.js'
import type { Tier } from '../time-series.js'

/** How long each tier is kept, and how large the file may grow. */
export interface RetentionLimits {
  readonly tierMs: Readonly<Record<Tier, number>>
  readonly maxBytes: number
}

const daysPerSlice = 32

/**
 * While the file is too large, that tier gives its oldest whose oldest data has used up the largest part of its time, so that
 * all tiers shrink in proportion. A last day of points is kept until nothing else is left.
 */
export function* trim(
  parts: DeletionParts,
  { tierMs, maxBytes }: RetentionLimits,
  nowMs: number,
): Generator<void, number> {
  const { db, chunks, days, rollups, registry } = parts
  let deleted = 0
  while (usedBytes(db) > maxBytes) {
    const oldest = {
      raw: (chunks.bounds()?.from ?? Infinity) * bucketMs,
      '5m': (days.oldest('5m') ?? Infinity) * dayMs,
      '1h': (days.oldest('1h') ?? Infinity) * dayMs,
    } satisfies Record<Tier, number>
    const usedUp = (tier: Tier): number =>
      tier === 'raw' && oldest.raw > nowMs - dayMs ? -Infinity : (nowMs - oldest[tier]) / tierMs[tier]
    const tier = (['raw', '5m', '1h'] as const).reduce((a, b) => (usedUp(b) > usedUp(a) ? b : a))
    const hourMs = (rollups.bounds()?.from ?? Infinity) * bucketMs
    if (usedUp(tier) === -Infinity && hourMs < Math.min(oldest.raw, nowMs - dayMs)) deleted += trimOldestHour(parts)
    else if (tier !== 'raw') deleted += trimOldestDay(parts, tier)
    else if (chunks.bounds() !== undefined) deleted += deleteOldestChunks(parts, Infinity, { counted: true }).chunks
    else if (hourMs !== Infinity) deleted += trimOldestHour(parts)
    else if (registry.headCells > 0) yield* sealAll(parts, nowMs)
    else return deleted
    yield
  }
  return deleted
}

function trimOldestDay({ db, days, counters }: DeletionParts, tier: RollupTier): number {
  return db.transaction(() => {
    const day = days.oldest(tier)
    const gone = day === undefined ? 0 : days.delete(tier, day, daysPerSlice)
    counters.add('trimmed_rollups', gone)
    return gone
  })
}

function trimOldestHour({ db, rollups, counters, fields }: DeletionParts): number {
  return db.transaction(() => {
    const bucket = rollups.bounds()?.from ?? 0
    let gone = 0
    for (const part of rollups.partsAt(bucket)) gone += rollups.delete(bucket, part, fields.allIds)
    counters.add('trimmed_rollups', gone)
    return gone
  })
}

/** Bytes of the file without its free pages. */
export function usedBytes(db: SqlDatabase): number {
  const pages = numberAt([db.pragma('page_count')], 0) - numberAt([db.pragma('freelist_count')], 0)
  return pages * numberAt([db.pragma('page_size')], 0)
}
