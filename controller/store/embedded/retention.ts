import { compactDays } from './compaction.js'
import { bucketMs } from './column-block.js'
import { type SqlDatabase, numberAt } from './database.js'
import { cutChunks, deleteOldestChunks, deleteOldestDay, dropRollups, type DeletionParts } from './deletion.js'
import type { EventTable } from './event-table.js'
import { sealAll } from './seal.js'
import { trim, type RetentionLimits } from './trim.js'
import type { Tier } from '../time-series.js'

export interface RetentionParts extends DeletionParts {
  readonly events: EventTable
}

const eventsPerSlice = 2000
const maxEvents = 1_000_000
/** Events are small and tell a VM's history: they outlive the points. */
const eventsMs = 400 * 86_400_000
const vacuumPages = 256
/** Free pages are used again by the next ticks and chunks: give back only what is more than this. */
const keptFreeBytes = 8 * 2 ** 20
/** A chunk that was just written, of data from long ago, is kept so long: more of its hour may come. */
const settleMs = 3_600_000

/** Deletes what is too old in each tier, then the oldest until the size fits; slices between yields, each one transaction. */
export function* retain(parts: RetentionParts, limits: RetentionLimits, nowMs: number): Generator<void> {
  const { db, counters } = parts
  const { tierMs } = limits
  let deleted = 0
  for (let chunks = 1; chunks > 0;) {
    chunks = deleteOldestChunks(parts, nowMs - tierMs.raw, { writtenBeforeMs: nowMs - settleMs }).chunks
    deleted += chunks
    if (chunks > 0) yield
  }
  yield* compactDays(parts, nowMs - tierMs.raw)
  for (const tier of ['5m', '1h'] as const) {
    for (let rows = 1; rows > 0;) {
      rows = deleteOldestDay(parts, tier, nowMs - tierMs[tier])
      deleted += rows
      if (rows > 0) yield
    }
  }
  deleted += yield* trim(parts, limits, nowMs)
  while (deleteEvents(parts, nowMs - Math.max(eventsMs, tierMs.raw)) > 0) yield
  while (counters.get('events') > maxEvents && deleteEvents(parts, Infinity) > 0) yield
  if (deleted > 0) forgetEmptySeries(parts)
  yield* giveBack(db, limits.maxBytes)
}

/**
 * Forgets what a tier and the finer ones have before the time, and (with the points) events. Points go to the millisecond,
 * roll-ups by their whole steps. Returns how many points went.
 */
export function* dropBefore(
  parts: RetentionParts,
  beforeMs: number,
  tier: Tier,
  nowMs: number,
): Generator<void, number> {
  yield* sealAll(parts, nowMs)
  let points = 0
  for (let chunks = 1; chunks > 0; yield) {
    const deleted = deleteOldestChunks(parts, beforeMs, { newestOpen: true })
    chunks = deleted.chunks
    points += deleted.points
  }
  for (let chunks = 1; chunks > 0; yield) {
    const cut = cutChunks(parts, beforeMs)
    chunks = cut.chunks
    points += cut.points
  }
  if (tier !== 'raw') yield* dropRollups(parts, beforeMs, tier)
  while (deleteEvents(parts, beforeMs) > 0) yield
  forgetEmptySeries(parts)
  return points
}

function deleteEvents({ db, events }: RetentionParts, beforeMs: number): number {
  return db.transaction(() => events.deleteOldest(beforeMs, eventsPerSlice))
}

/** Series of which neither points nor roll-ups are left. */
function forgetEmptySeries({ db, rollups, registry }: RetentionParts): void {
  // What is in the hours is not said by any column: a series that ended before the first of them is in none.
  const hoursFromMs = (rollups.bounds()?.from ?? Number.MAX_SAFE_INTEGER) * bucketMs
  const rows = db
    .prepare(
      `DELETE FROM series WHERE last_ms < ? AND NOT EXISTS (SELECT 1 FROM chunks WHERE chunks.series = series.id)
       AND NOT EXISTS (SELECT 1 FROM days WHERE days.series = series.id) RETURNING id`,
    )
    .all(hoursFromMs)
  for (const row of rows) registry.forget(numberAt(row, 0))
}

function* giveBack(db: SqlDatabase, maxBytes: number): Generator<void> {
  const pageSize = numberAt([db.pragma('page_size')], 0)
  const kept = Math.min(keptFreeBytes, maxBytes / 8) / pageSize
  for (;;) {
    const free = numberAt([db.pragma('freelist_count')], 0)
    if (free <= kept) return
    db.exec(`PRAGMA incremental_vacuum(${vacuumPages})`)
    if (numberAt([db.pragma('freelist_count')], 0) >= free) return
    yield
  }
}
