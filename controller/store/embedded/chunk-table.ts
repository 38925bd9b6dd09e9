import { decodeChunk, encodeChunk } from './chunk-codec.js'
import { bucketMs, bucketOf, type ColumnBlock } from './column-block.js'
import { type SqlDatabase, type SqlRow, bytesAt, numberAt } from './database.js'
import { addColumn, emptyAggregate, type Aggregate } from './aggregate.js'

/** Sums of one field over whole chunks of one series. */
export interface SeriesStats extends Aggregate {
  readonly series: number
}

/** One chunk's sums of one field, and which times the chunk covers. */
export interface ChunkStats extends SeriesStats {
  readonly firstMs: number
  readonly lastMs: number
}

/** Buckets from `from` to `to`, both included. */
export interface BucketSpan {
  readonly from: number
  readonly to: number
}

/** Sealed points and their sums: the tables `chunks` and `stats`. Transactions are the caller's. */
export class ChunkTable {
  readonly #find
  readonly #page
  readonly #upsert
  readonly #bounds
  readonly #seriesBounds
  readonly #oldest
  readonly #oldestTime
  readonly #startingBefore
  readonly #deleteChunks
  readonly #deleteStats
  readonly #putStats
  readonly #sums
  readonly #lasts
  readonly #edge

  constructor(
    db: SqlDatabase,
    private readonly fieldIds: readonly number[],
  ) {
    this.#find = db.prepare('SELECT data FROM chunks WHERE series = ? AND bucket = ?')
    this.#page = db.prepare(
      'SELECT bucket, data FROM chunks WHERE series = ? AND bucket BETWEEN ? AND ? ORDER BY bucket LIMIT 64',
    )
    this.#upsert = db.prepare('INSERT OR REPLACE INTO chunks VALUES (?, ?, ?, ?, ?, ?)')
    this.#bounds = db.prepare('SELECT (SELECT min(bucket) FROM chunks), (SELECT max(bucket) FROM chunks)')
    this.#seriesBounds = db.prepare(
      `SELECT (SELECT first_ms FROM chunks WHERE series = ?1 ORDER BY bucket LIMIT 1),
              (SELECT last_ms FROM chunks WHERE series = ?1 ORDER BY bucket DESC LIMIT 1)`,
    )
    this.#oldest = db.prepare(
      'SELECT series, bucket, points FROM chunks WHERE bucket = (SELECT min(bucket) FROM chunks) ORDER BY series LIMIT ?',
    )
    this.#oldestTime = db.prepare('SELECT min(first_ms) FROM chunks WHERE bucket = (SELECT min(bucket) FROM chunks)')
    this.#startingBefore = db.prepare('SELECT series, data FROM chunks WHERE bucket = ? AND first_ms < ? LIMIT ?')
    this.#deleteChunks = db.prepare('DELETE FROM chunks WHERE bucket = ? AND series BETWEEN ? AND ?')
    this.#deleteStats = db.prepare('DELETE FROM stats WHERE field = ? AND bucket = ? AND series BETWEEN ? AND ?')
    this.#putStats = db.prepare('INSERT OR REPLACE INTO stats VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
    this.#sums = db.prepare(
      `SELECT series, sum(count), sum(sum), min(min), max(max) FROM stats
       WHERE field = ? AND bucket BETWEEN ? AND ? GROUP BY series`,
    )
    // With a lone max(), SQLite takes the other columns from the row that has it.
    this.#lasts = db.prepare(
      'SELECT series, last, max(bucket) FROM stats WHERE field = ? AND bucket BETWEEN ? AND ? GROUP BY series',
    )
    this.#edge = db.prepare(
      `SELECT s.series, s.count, s.sum, s.min, s.max, s.last, c.first_ms, c.last_ms
       FROM stats s JOIN chunks c ON c.series = s.series AND c.bucket = s.bucket WHERE s.field = ? AND s.bucket = ?`,
    )
  }

  /** @throws Error if the chunk is damaged */
  read(series: number, bucket: number, fields?: ReadonlySet<number>): ColumnBlock | undefined {
    const row = this.#find.get(series, bucket)
    return row === undefined ? undefined : decodeChunk(bytesAt(row, 0), fields)
  }

  /** Ascending. @throws Error if a chunk is damaged */
  *readSpan(series: number, span: BucketSpan, fields: ReadonlySet<number>): Generator<[bucket: number, ColumnBlock]> {
    for (let from = span.from; ;) {
      const rows = this.#page.all(series, from, span.to)
      for (const row of rows) yield [numberAt(row, 0), decodeChunk(bytesAt(row, 1), fields)]
      const last = rows.at(-1)
      if (last === undefined || rows.length < 64) return
      from = numberAt(last, 0) + 1
    }
  }

  /** Writes rows `from` to `to` (exclusive), all of one bucket, as the chunk of that bucket. */
  write(series: number, block: ColumnBlock, from: number, to: number): void {
    const bucket = bucketOf(block.timeAt(from))
    const chunk = encodeChunk(block, from, to)
    this.#upsert.run(series, bucket, block.timeAt(from), block.timeAt(to - 1), to - from, chunk)
    for (const field of block.fields) {
      const sums = emptyAggregate()
      const values = block.column(field, from, to)
      if (values !== undefined) addColumn(sums, values)
      if (sums.count === 0) continue
      this.#putStats.run(field, bucket, series, sums.count, sums.sum, sums.min, sums.max, sums.last)
    }
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

  /** Deletes up to `limit` chunks of the oldest bucket if that bucket ended by `beforeMs`; returns how many points went. */
  deleteOldest(beforeMs: number, limit: number): { readonly chunks: number; readonly points: number } {
    const rows = this.#oldest.all(limit)
    const [first, last] = [rows[0], rows.at(-1)]
    if (first === undefined || last === undefined) return { chunks: 0, points: 0 }
    const bucket = numberAt(first, 1)
    if ((bucket + 1) * bucketMs > beforeMs) return { chunks: 0, points: 0 }
    this.#delete(bucket, numberAt(first, 0), numberAt(last, 0))
    return { chunks: rows.length, points: rows.reduce((sum, row) => sum + numberAt(row, 2), 0) }
  }

  /**
   * Cuts what is before the time out of up to `limit` chunks of its bucket; returns how many chunks it changed and points it took.
   * @throws Error if a chunk is damaged
   */
  cutBefore(beforeMs: number, limit: number): { readonly chunks: number; readonly points: number } {
    const bucket = bucketOf(beforeMs)
    const rows = this.#startingBefore.all(bucket, beforeMs, limit)
    let points = 0
    for (const row of rows) {
      const series = numberAt(row, 0)
      const block = decodeChunk(bytesAt(row, 1))
      const keptFrom = block.lowerBound(beforeMs)
      points += keptFrom
      this.#delete(bucket, series, series)
      if (keptFrom < block.length) this.write(series, block, keptFrom, block.length)
    }
    return { chunks: rows.length, points }
  }

  #delete(bucket: number, fromSeries: number, toSeries: number): void {
    this.#deleteChunks.run(bucket, fromSeries, toSeries)
    for (const field of this.fieldIds) this.#deleteStats.run(field, bucket, fromSeries, toSeries)
  }

  /** Sums over whole chunks; `last` is 0. */
  sums(field: number, buckets: BucketSpan): SeriesStats[] {
    return this.#sums.all(field, buckets.from, buckets.to).map((row) => ({ ...statsAt(row, 1), last: 0 }))
  }

  /** Last value of each series. */
  lasts(field: number, buckets: BucketSpan): { readonly series: number; readonly last: number }[] {
    return this.#lasts
      .all(field, buckets.from, buckets.to)
      .map((row) => ({ series: numberAt(row, 0), last: numberAt(row, 1) }))
  }

  /** Sums of each chunk of one bucket. */
  bucketStats(field: number, bucket: number): ChunkStats[] {
    return this.#edge.all(field, bucket).map((row) => ({
      ...statsAt(row, 1),
      last: numberAt(row, 5),
      firstMs: numberAt(row, 6),
      lastMs: numberAt(row, 7),
    }))
  }
}

function statsAt(row: SqlRow, at: number): Omit<SeriesStats, 'last'> {
  return {
    series: numberAt(row, 0),
    count: numberAt(row, at),
    sum: numberAt(row, at + 1),
    min: numberAt(row, at + 2),
    max: numberAt(row, at + 3),
  }
}

function span(row: SqlRow | undefined): BucketSpan | undefined {
  const [from, to] = row ?? []
  return typeof from === 'number' && typeof to === 'number' ? { from, to } : undefined
}
