import { allSteps, decodeDay, type DaySteps, type DecodedDay } from './day-codec.js'
import { unpacked } from './damage.js'
import { type SqlDatabase, type SqlRow, bytesAt, numberAt } from './database.js'
import { bucketsPerDay, stepsPerBucket } from './tier-steps.js'

/** The two roll-ups: number in the file, steps in a day. */
export const rollupTiers = {
  '5m': { id: 1, steps: bucketsPerDay * stepsPerBucket },
  '1h': { id: 2, steps: bucketsPerDay },
} as const
export type RollupTier = keyof typeof rollupTiers

export interface DayRow extends DecodedDay {
  readonly day: number
  readonly series: number
}

/** Days from `from` to `to`, both included. */
export interface DaySpan {
  readonly from: number
  readonly to: number
}

/** Roll-ups of days that are long over, by series: one row a tier, series and day. Transactions are the caller's. */
export class DayTable {
  readonly #ofSeries
  readonly #ofDays
  readonly #get
  readonly #put
  readonly #oldest
  readonly #oldestOfSeries
  readonly #newestOfSeries
  readonly #delete
  /** Counts what was written and deleted. */
  changes = 0

  constructor(db: SqlDatabase) {
    this.#ofSeries = db.prepare(
      'SELECT day, series, data FROM days WHERE series = ? AND tier = ? AND day BETWEEN ? AND ? ORDER BY day LIMIT 32',
    )
    this.#ofDays = db.prepare(
      `SELECT day, series, data FROM days WHERE tier = ?1 AND day = ?2 AND series > ?3 ORDER BY series LIMIT 64`,
    )
    this.#get = db.prepare('SELECT data FROM days WHERE tier = ? AND day = ? AND series = ?')
    this.#put = db.prepare('INSERT OR REPLACE INTO days (tier, day, series, data) VALUES (?, ?, ?, ?)')
    this.#oldest = db.prepare('SELECT min(day) FROM days WHERE tier = ?')
    this.#oldestOfSeries = db.prepare('SELECT min(day) FROM days WHERE series = ? AND tier = ?')
    this.#newestOfSeries = db.prepare('SELECT max(day) FROM days WHERE series = ? AND tier = ?')
    this.#delete = db.prepare(
      'DELETE FROM days WHERE rowid IN (SELECT rowid FROM days WHERE tier = ? AND day = ? LIMIT ?)',
    )
  }

  /**
   * Days of one series, ascending.
   * @param asWhole of which days the whole is enough
   * @throws DamagedRow
   */
  *ofSeries(
    series: number,
    tier: RollupTier,
    { from, to }: DaySpan,
    wanted: ReadonlySet<number>,
    asWhole: (day: number) => boolean,
  ): Generator<DayRow> {
    for (let next = from; ;) {
      const rows = this.#ofSeries.all(series, rollupTiers[tier].id, next, to)
      for (const row of rows) yield dayRow(tier, row, wanted, asWhole)
      const last = rows.at(-1)
      if (last === undefined || rows.length < 32) return
      next = numberAt(last, 0) + 1
    }
  }

  /** All series of a day. @throws DamagedRow */
  *ofDay(day: number, tier: RollupTier, wanted: ReadonlySet<number>): Generator<DayRow> {
    for (let after = -1; ;) {
      const rows = this.#ofDays.all(rollupTiers[tier].id, day, after)
      for (const row of rows) yield dayRow(tier, row, wanted)
      const last = rows.at(-1)
      if (last === undefined || rows.length < 64) return
      after = numberAt(last, 1)
    }
  }

  /** What is known of a series in a day. @throws DamagedRow */
  read(series: number, day: number, tier: RollupTier): Map<number, DaySteps> {
    const row = this.#get.get(rollupTiers[tier].id, day, series)
    const key = { table: 'days', tier: rollupTiers[tier].id, day, series } as const
    const known = row === undefined ? [] : unpacked(key, () => decodeDay(bytesAt(row, 0)).fields)
    return new Map([...known].map(([field, list]) => [field, allSteps(list, rollupTiers[tier].steps)]))
  }

  /** Replaces what is known of a series in a day; `bytes` as encodeDay made them. */
  write(series: number, day: number, tier: RollupTier, bytes: Buffer): void {
    this.#put.run(rollupTiers[tier].id, day, series, bytes)
    this.changes += 1
  }

  /** First day of a tier; undefined if it has none. */
  oldest(tier: RollupTier): number | undefined {
    return numberOrNone(this.#oldest.get(rollupTiers[tier].id)?.[0])
  }

  /** First and last day of a series in a tier. */
  boundsOf(series: number, tier: RollupTier): DaySpan | undefined {
    const from = numberOrNone(this.#oldestOfSeries.get(series, rollupTiers[tier].id)?.[0])
    const to = numberOrNone(this.#newestOfSeries.get(series, rollupTiers[tier].id)?.[0])
    return from === undefined || to === undefined ? undefined : { from, to }
  }

  /** Deletes up to `limit` rows of a day; returns how many. */
  delete(tier: RollupTier, day: number, limit: number): number {
    this.changes += 1
    return this.#delete.run(rollupTiers[tier].id, day, limit)
  }
}

function dayRow(
  tier: RollupTier,
  row: SqlRow,
  wanted: ReadonlySet<number>,
  asWhole: (day: number) => boolean = () => false,
): DayRow {
  const [day, series] = [numberAt(row, 0), numberAt(row, 1)]
  const key = { table: 'days', tier: rollupTiers[tier].id, day, series } as const
  const decoded = unpacked(key, () => decodeDay(bytesAt(row, 2), { wanted, whole: asWhole(day) }))
  return { day, series, ...decoded }
}

function numberOrNone(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}
