import type { Aggregate } from './aggregate.js'
import type { HourParts } from './closed-hours.js'
import { type SqlDatabase, numberAt } from './database.js'
import { rollUpHour, type FieldHour } from './hour-rollup.js'
import { partOf, seriesPerPart } from './rollup-table.js'

export interface FormerSums {
  readonly series: number
  readonly sums: Aggregate
}

/**
 * Hours of a file of schema version 2: chunks in their former form, and sums of each field in the table `stats`. They are
 * brought into the present form bit by bit, the newest first, and answer questions meanwhile. The table is gone when that is
 * done.
 */
export class FormerHours {
  #isPending: boolean

  constructor(private readonly db: SqlDatabase) {
    this.#isPending =
      db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'stats'").get() !== undefined
  }

  get isPending(): boolean {
    return this.#isPending
  }

  /** Hours before this one are not in the present form yet; 0 if all are. */
  get below(): number {
    const bounds = this.bounds()
    return bounds === undefined ? 0 : bounds.to + 1
  }

  bounds(): { readonly from: number; readonly to: number } | undefined {
    if (!this.#isPending) return undefined
    const [from, to] =
      this.db.prepare('SELECT (SELECT min(bucket) FROM former), (SELECT max(bucket) FROM former)').get() ?? []
    return typeof from === 'number' && typeof to === 'number' ? { from, to } : undefined
  }

  hours(bucket: number, field: number): FormerSums[] {
    if (!this.#isPending) return []
    return this.db
      .prepare('SELECT series, count, sum, min, max, last FROM stats WHERE field = ? AND bucket = ?')
      .all(field, bucket)
      .map((row) => ({
        series: numberAt(row, 0),
        sums: {
          count: numberAt(row, 1),
          sum: numberAt(row, 2),
          min: numberAt(row, 3),
          max: numberAt(row, 4),
          last: numberAt(row, 5),
          distribution: undefined,
        },
      }))
  }

  /** The hour of the series is in the present form; part of the same transaction. */
  forget(bucket: number, series: number, fields: Iterable<number>): void {
    if (!this.#isPending) return
    const forget = this.db.prepare('DELETE FROM stats WHERE field = ? AND bucket = ? AND series = ?')
    for (const field of fields) forget.run(field, bucket, series)
  }

  /** Brings all hours into the present form; one part of an hour between two yields, each one transaction. */
  *migrate(parts: HourParts): Generator<void> {
    for (let bounds = this.bounds(); bounds !== undefined; bounds = this.bounds()) {
      const bucket = bounds.to
      for (let after = -1; ;) {
        const series = firstPart(parts.chunks.seriesIn(bucket, after, seriesPerPart))
        const last = series.at(-1)
        if (last === undefined) break
        this.db.transaction(() => this.#migratePart(parts, bucket, series))
        after = last
        yield
      }
      this.db.transaction(() => this.db.prepare('DELETE FROM former WHERE bucket = ?').run(bucket))
      yield
    }
    if (!this.#isPending) return
    this.db.transaction(() => this.db.exec('DROP TABLE stats; DROP TABLE former'))
    this.#isPending = false
  }

  #migratePart({ chunks, rollups, fields }: HourParts, bucket: number, series: readonly number[]): void {
    const fresh = new Map<number, ReadonlyMap<number, FieldHour>>()
    for (const one of series) {
      const block = chunks.read(one, bucket)
      if (block === undefined) continue
      chunks.write(one, block, { from: 0, to: block.length, writtenMs: 0 })
      fresh.set(one, rollUpHour(block, bucket))
      this.forget(bucket, one, fields.allIds)
    }
    rollups.put(bucket, partOf(series[0] ?? 0), fresh)
  }
}

/** Those of the ascending ids that are of the same part as the first. */
function firstPart(series: readonly number[]): number[] {
  return series.filter((one) => partOf(one) === partOf(series[0] ?? 0))
}
