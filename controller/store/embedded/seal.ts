import { isClosed, type HourParts } from './closed-hours.js'
import { bucketMs, bucketOf, ColumnBlock } from './column-block.js'
import type { Damage } from './damage.js'
import type { SqlDatabase } from './database.js'
import type { FormerHours } from './former-hours.js'
import { rollUpHour, type FieldHour } from './hour-rollup.js'
import { partOf, type RollupTable } from './rollup-table.js'
import type { Series, SeriesRegistry } from './series-registry.js'
import type { TickLog } from './tick-log.js'

export interface SealParts extends HourParts {
  readonly db: SqlDatabase
  readonly registry: SeriesRegistry
  readonly ticks: TickLog
  readonly former: FormerHours
  readonly damage: Damage
  /** Milliseconds of a clock that only goes forward: bounds the length of a slice. */
  readonly elapsedMs: () => number
}

const sliceMs = 15

/**
 * Moves heads into chunks and roll-ups, a slice of some milliseconds between two yields, each slice one transaction. The ticks
 * stay: replaying them over the chunks gives the same points.
 * @param nowMs the present, as the caller was told it
 */
export function* sealHeads(parts: SealParts, all: readonly Series[], nowMs: number): Generator<void> {
  // Those that share rows of roll-ups together; new ones get the next numbers.
  const sorted = all.toSorted((a, b) => (a.rowId ?? Infinity) - (b.rowId ?? Infinity) || 0)
  for (let next = 0; next < sorted.length;) {
    const until = parts.elapsedMs() + sliceMs
    const done: { readonly series: Series; readonly rowId: number }[] = []
    parts.db.transaction(() => {
      let added = 0
      const hours = new FreshHours(parts.rollups)
      for (;;) {
        const series = sorted[next + done.length]
        if (series === undefined) break
        const rowId = parts.registry.rowOf(series)
        if (hours.isOfAnotherPart(rowId) && parts.elapsedMs() >= until) break
        hours.beginPart(rowId)
        if (series.head !== undefined) added += sealHead(parts, { ...series, head: series.head, rowId }, hours, nowMs)
        parts.registry.extend(series, rowId)
        done.push({ series, rowId })
      }
      hours.write()
      parts.counters.add('points', added)
    })
    for (const { series, rowId } of done) parts.registry.sealed(series, rowId)
    next += done.length
    yield
  }
}

/** Moves all heads into chunks, then forgets the ticks that held them. Points that arrive meanwhile keep their ticks. */
export function* sealAll(parts: SealParts, nowMs: number): Generator<void> {
  const through = parts.ticks.lastId()
  yield* sealHeads(parts, parts.registry.withHead(), nowMs)
  while (parts.ticks.deleteSome(through)) yield
}

/** Returns how many points the chunks grew by. */
function sealHead(
  parts: SealParts,
  {
    head,
    rowId,
    sealedThroughMs,
  }: { readonly head: ColumnBlock; readonly rowId: number; readonly sealedThroughMs: number },
  hours: FreshHours,
  nowMs: number,
): number {
  const { chunks, counters, damage, former } = parts
  let added = 0
  let previousMs = sealedThroughMs < head.firstMs ? sealedThroughMs : -Infinity
  for (let from = 0; from < head.length;) {
    const bucket = bucketOf(head.timeAt(from))
    const to = head.lowerBound((bucket + 1) * bucketMs)
    if (isClosed(parts, rowId, bucket)) counters.add('too_late', to - from)
    else {
      const sealed = bucket * bucketMs <= sealedThroughMs ? chunks.read(rowId, bucket) : undefined
      const block = sealed ?? new ColumnBlock(to - from)
      const before = block.length
      block.merge(head, from, to)
      chunks.write(rowId, block, { from: 0, to: block.length, writtenMs: nowMs, previousMs })
      // Of an hour whose points were set aside the roll-ups know more than these.
      if (!damage.hasHour(rowId, bucket)) hours.add(bucket, rowId, rollUpHour(block, bucket))
      former.forget(bucket, rowId, parts.fields.allIds)
      added += block.length - before
    }
    previousMs = head.timeAt(to - 1)
    from = to
  }
  return added
}

/** Roll-ups of the series of one part, until they are written together. */
class FreshHours {
  #part: number | undefined
  readonly #byBucket = new Map<number, Map<number, ReadonlyMap<number, FieldHour>>>()

  constructor(private readonly rollups: RollupTable) {}

  isOfAnotherPart(rowId: number): boolean {
    return this.#part !== undefined && this.#part !== partOf(rowId)
  }

  beginPart(rowId: number): void {
    if (this.isOfAnotherPart(rowId)) this.write()
    this.#part = partOf(rowId)
  }

  add(bucket: number, rowId: number, fields: ReadonlyMap<number, FieldHour>): void {
    const hours = this.#byBucket.get(bucket) ?? new Map<number, ReadonlyMap<number, FieldHour>>()
    this.#byBucket.set(bucket, hours.set(rowId, fields))
  }

  write(): void {
    if (this.#part === undefined) return
    for (const [bucket, hours] of this.#byBucket) this.rollups.put(bucket, this.#part, hours)
    this.#byBucket.clear()
    this.#part = undefined
  }
}
