import type { ChunkTable } from './chunk-table.js'
import { bucketMs, bucketOf, ColumnBlock } from './column-block.js'
import type { Counters } from './counters.js'
import type { SqlDatabase } from './database.js'
import type { Series, SeriesRegistry } from './series-registry.js'
import type { TickLog } from './tick-log.js'

export interface SealParts {
  readonly db: SqlDatabase
  readonly registry: SeriesRegistry
  readonly chunks: ChunkTable
  readonly counters: Counters
  readonly ticks: TickLog
  /** Milliseconds of a clock that only goes forward: bounds the length of a slice. */
  readonly elapsedMs: () => number
}

const sliceMs = 15

/**
 * Moves heads into chunks, a slice of some milliseconds between two yields, each slice one transaction. The ticks stay:
 * replaying them over the chunks gives the same points.
 */
export function* sealHeads(parts: SealParts, all: readonly Series[]): Generator<void> {
  for (let next = 0; next < all.length;) {
    const until = parts.elapsedMs() + sliceMs
    const done: { readonly series: Series; readonly rowId: number }[] = []
    parts.db.transaction(() => {
      let added = 0
      do {
        const series = all[next + done.length]
        if (series === undefined) break
        const rowId = parts.registry.rowOf(series)
        added += series.head === undefined ? 0 : sealHead(parts.chunks, rowId, series, series.head)
        done.push({ series, rowId })
      } while (parts.elapsedMs() < until)
      parts.counters.add('points', added)
    })
    for (const { series, rowId } of done) parts.registry.sealed(series, rowId)
    next += done.length
    yield
  }
}

/** Moves all heads into chunks, then forgets the ticks that held them. Points that arrive meanwhile keep their ticks. */
export function* sealAll(parts: SealParts): Generator<void> {
  const through = parts.ticks.lastId()
  yield* sealHeads(parts, parts.registry.withHead())
  while (parts.ticks.deleteSome(through)) yield
}

/** Returns how many points the chunks grew by. */
function sealHead(chunks: ChunkTable, rowId: number, series: Series, head: ColumnBlock): number {
  let added = 0
  for (let from = 0; from < head.length;) {
    const bucket = bucketOf(head.timeAt(from))
    const to = head.lowerBound((bucket + 1) * bucketMs)
    const sealed = bucket * bucketMs <= series.sealedThroughMs ? chunks.read(rowId, bucket) : undefined
    const block = sealed ?? new ColumnBlock(to - from)
    const before = block.length
    block.merge(head, from, to)
    chunks.write(rowId, block, 0, block.length)
    added += block.length - before
    from = to
  }
  return added
}
