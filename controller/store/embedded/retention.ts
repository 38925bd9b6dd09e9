import type { ChunkTable } from './chunk-table.js'
import type { Counters } from './counters.js'
import { type SqlDatabase, numberAt } from './database.js'
import type { EventTable } from './event-table.js'
import { sealAll, type SealParts } from './seal.js'
import type { SeriesRegistry } from './series-registry.js'

export interface RetentionParts extends SealParts {
  readonly events: EventTable
}

export interface RetentionLimits {
  readonly rawMs: number
  readonly maxBytes: number
}

const chunksPerSlice = 64
const eventsPerSlice = 2000
const maxEvents = 1_000_000
/** Events are small and tell a VM's history: they outlive the points. */
const eventsMs = 400 * 86_400_000
const vacuumPages = 256
/** Free pages are used again by the next ticks and chunks: give back only what is more than this. */
const keptFreeBytes = 16 * 2 ** 20

/** Deletes what is too old, then the oldest until the size fits; slices between yields, each one transaction. */
export function* retain(parts: RetentionParts, limits: RetentionLimits, nowMs: number): Generator<void> {
  let deleted = 0
  for (let chunks = 1; chunks > 0;) {
    chunks = deleteOldestChunks(parts, nowMs - limits.rawMs).chunks
    deleted += chunks
    if (chunks > 0) yield
  }
  while (usedBytes(parts.db) > limits.maxBytes) {
    if (parts.chunks.bounds() === undefined) yield* sealAll(parts)
    const { chunks } = deleteOldestChunks(parts, Infinity)
    deleted += chunks
    yield
    if (chunks === 0) break
  }
  while (deleteEvents(parts, nowMs - Math.max(eventsMs, limits.rawMs)) > 0) yield
  while (parts.counters.get('events') > maxEvents && deleteEvents(parts, Infinity) > 0) yield
  if (deleted > 0) forgetEmptySeries(parts.db, parts.registry)
  yield* giveBack(parts.db, limits.maxBytes)
}

/** Deletes points and events before the time, to the millisecond; returns how many points went. */
export function* dropBefore(parts: RetentionParts, beforeMs: number): Generator<void, number> {
  yield* sealAll(parts)
  let points = 0
  for (let chunks = 1; chunks > 0; yield) {
    const deleted = deleteOldestChunks(parts, beforeMs)
    chunks = deleted.chunks
    points += deleted.points
  }
  for (let chunks = 1; chunks > 0; yield) {
    const cut = changingPoints(parts, () => parts.chunks.cutBefore(beforeMs, chunksPerSlice))
    chunks = cut.chunks
    points += cut.points
  }
  while (deleteEvents(parts, beforeMs) > 0) yield
  forgetEmptySeries(parts.db, parts.registry)
  return points
}

interface Deleted {
  readonly chunks: number
  readonly points: number
}

function deleteOldestChunks(parts: RetentionParts, beforeMs: number): Deleted {
  return changingPoints(parts, () => parts.chunks.deleteOldest(beforeMs, chunksPerSlice))
}

function changingPoints(
  { db, counters }: { readonly db: SqlDatabase; readonly chunks: ChunkTable; readonly counters: Counters },
  change: () => Deleted,
): Deleted {
  return db.transaction(() => {
    const deleted = change()
    counters.add('points', -deleted.points)
    return deleted
  })
}

function deleteEvents({ db, events }: RetentionParts, beforeMs: number): number {
  return db.transaction(() => events.deleteOldest(beforeMs, eventsPerSlice))
}

function forgetEmptySeries(db: SqlDatabase, registry: SeriesRegistry): void {
  const rows = db
    .prepare('DELETE FROM series WHERE NOT EXISTS (SELECT 1 FROM chunks WHERE chunks.series = series.id) RETURNING id')
    .all()
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

/** Bytes of the file without its free pages. */
export function usedBytes(db: SqlDatabase): number {
  const pages = numberAt([db.pragma('page_count')], 0) - numberAt([db.pragma('freelist_count')], 0)
  return pages * numberAt([db.pragma('page_size')], 0)
}
