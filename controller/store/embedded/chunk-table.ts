import { decodeChunk, encodeChunk } from './chunk-codec.js'
import { bucketMs, bucketOf, type ColumnBlock } from './column-block.js'
import { unpacked } from './damage.js'
import { type SqlDatabase, type SqlRow, bytesAt, numberAt } from './database.js'

/** Buckets from `from` to `to`, both included. */
export interface BucketSpan {
  readonly from: number
  readonly to: number
}

export interface Deleted {
  readonly chunks: number
  readonly points: number
}

/** Sealed points: the table `chunks`. Transactions are the caller's. */
export class ChunkTable {
  readonly #find
  readonly #has
  readonly #page
  readonly #upsert
  readonly #bounds
  readonly #seriesBounds
  readonly #oldest
  readonly #oldestTime
  readonly #startingBefore
  readonly #seriesIn
  readonly #bucketsOf
  readonly #delete

  constructor(db: SqlDatabase) {
    this.#find = db.prepare('SELECT data FROM chunks WHERE series = ? AND bucket = ?')
    this.#has = db.prepare('SELECT 1 FROM chunks WHERE series = ? AND bucket = ?')
    this.#page = db.prepare(
      'SELECT bucket, data FROM chunks WHERE series = ? AND bucket BETWEEN ? AND ? ORDER BY bucket LIMIT 64',
    )
    this.#upsert = db.prepare('INSERT OR REPLACE INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?)')
    this.#bounds = db.prepare('SELECT (SELECT min(bucket) FROM chunks), (SELECT max(bucket) FROM chunks)')
    this.#seriesBounds = db.prepare(
      `SELECT (SELECT first_ms FROM chunks WHERE series = ?1 ORDER BY bucket LIMIT 1),
              (SELECT last_ms FROM chunks WHERE series = ?1 ORDER BY bucket DESC LIMIT 1)`,
    )
    this.#oldest = db.prepare(
      `SELECT series, bucket, points FROM chunks
       WHERE bucket = (SELECT min(bucket) FROM chunks) AND written < ? ORDER BY series LIMIT ?`,
    )
    this.#oldestTime = db.prepare('SELECT min(first_ms) FROM chunks WHERE bucket = (SELECT min(bucket) FROM chunks)')
    this.#startingBefore = db.prepare(
      'SELECT series, data, written FROM chunks WHERE bucket = ? AND first_ms < ? LIMIT ?',
    )
    this.#seriesIn = db.prepare('SELECT series FROM chunks WHERE bucket = ? AND series > ? ORDER BY series LIMIT ?')
    this.#bucketsOf = db.prepare(
      'SELECT bucket FROM chunks WHERE series = ? AND bucket BETWEEN ? AND ? ORDER BY bucket',
    )
    this.#delete = db.prepare('DELETE FROM chunks WHERE bucket = ? AND series = ?')
  }

  /** @throws DamagedRow */
  read(series: number, bucket: number, fields?: ReadonlySet<number>): ColumnBlock | undefined {
    const row = this.#find.get(series, bucket)
    if (row === undefined) return undefined
    return unpacked({ table: 'chunks', series, bucket }, () => decodeChunk(bytesAt(row, 0), fields))
  }

  has(series: number, bucket: number): boolean {
    return this.#has.get(series, bucket) !== undefined
  }

  /** Ascending. @throws DamagedRow */
  *readSpan(series: number, span: BucketSpan, fields: ReadonlySet<number>): Generator<[bucket: number, ColumnBlock]> {
    for (let from = span.from; ;) {
      const rows = this.#page.all(series, from, span.to)
      for (const row of rows) {
        const bucket = numberAt(row, 0)
        yield [bucket, unpacked({ table: 'chunks', series, bucket }, () => decodeChunk(bytesAt(row, 1), fields))]
      }
      const last = rows.at(-1)
      if (last === undefined || rows.length < 64) return
      from = numberAt(last, 0) + 1
    }
  }

  /**
   * Writes rows `from` to `to` (exclusive), all of one bucket, as the chunk of that bucket.
   * @param writtenMs the present; a chunk is not deleted for its age within the hour after
   * @param previousMs time of the series' row before them, if it is known
   */
  write(
    series: number,
    block: ColumnBlock,
    { from, to, writtenMs, previousMs }: { from: number; to: number; writtenMs: number; previousMs?: number },
  ): void {
    const chunk = encodeChunk(block, from, to, previousMs)
    const firstMs = block.timeAt(from)
    const written = Number.isFinite(writtenMs) ? bucketOf(writtenMs) : 0
    this.#upsert.run(series, bucketOf(firstMs), firstMs, block.timeAt(to - 1), to - from, chunk, written)
  }

  /** Oldest and newest bucket; undefined if there is none. */
  bounds(): BucketSpan | undefined {
    return span(this.#bounds.get())
  }

  /** Times of the first and last sealed point of a series. */
  seriesBounds(series: number): BucketSpan | undefined {
    return span(this.#seriesBounds.get(series))
  }

  oldestMs(): number | undefined {
    const value = this.#oldestTime.get()?.[0]
    return typeof value === 'number' ? value : undefined
  }

  /** Some series with a chunk in the bucket, ascending. */
  seriesIn(bucket: number, after: number, limit: number): number[] {
    return this.#seriesIn.all(bucket, after, limit).map((row) => numberAt(row, 0))
  }

  /** Buckets of a series' chunks, ascending. */
  bucketsOf(series: number, from: number, to: number): number[] {
    return this.#bucketsOf.all(series, from, to).map((row) => numberAt(row, 0))
  }

  /**
   * Deletes up to `limit` chunks of the oldest bucket, if that ended by `beforeMs`, that were last written before the hour of
   * `writtenBeforeMs`.
   */
  deleteOldest(beforeMs: number, limit: number, writtenBeforeMs = Infinity): Deleted & { readonly bucket: number } {
    const writtenBefore = Number.isFinite(writtenBeforeMs) ? bucketOf(writtenBeforeMs) : Number.MAX_SAFE_INTEGER
    const rows = this.#oldest.all(writtenBefore, limit)
    const bucket = rows[0] === undefined ? Infinity : numberAt(rows[0], 1)
    if ((bucket + 1) * bucketMs > beforeMs || rows.length === 0) return { chunks: 0, points: 0, bucket }
    let points = 0
    for (const row of rows) {
      points += numberAt(row, 2)
      this.#delete.run(bucket, numberAt(row, 0))
    }
    return { chunks: rows.length, points, bucket }
  }

  /**
   * Cuts what is before the time out of up to `limit` chunks of its bucket; returns how many chunks it changed and points it took.
   * @throws DamagedRow
   */
  cutBefore(beforeMs: number, limit: number): Deleted {
    const bucket = bucketOf(beforeMs)
    const rows = this.#startingBefore.all(bucket, beforeMs, limit)
    let points = 0
    for (const row of rows) {
      const series = numberAt(row, 0)
      const block = unpacked({ table: 'chunks', series, bucket }, () => decodeChunk(bytesAt(row, 1)))
      const from = block.lowerBound(beforeMs)
      points += from
      this.#delete.run(bucket, series)
      const writtenMs = numberAt(row, 2) * bucketMs
      const previousMs = block.timeAt(from - 1)
      if (from < block.length) this.write(series, block, { from, to: block.length, writtenMs, previousMs })
    }
    return { chunks: rows.length, points }
  }
}

function span(row: SqlRow | undefined): BucketSpan | undefined {
  const [from, to] = row ?? []
  return typeof from === 'number' && typeof to === 'number' ? { from, to } : undefined
}
