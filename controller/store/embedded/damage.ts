import type { Counters } from './counters.js'
import { type SqlDatabase, numberAt, textAt } from './database.js'

/** Which row of the file. */
export type RowKey =
  | { readonly table: 'chunks'; readonly series: number; readonly bucket: number }
  | { readonly table: 'rollups'; readonly bucket: number; readonly field: number; readonly part: number }
  | { readonly table: 'days'; readonly tier: number; readonly day: number; readonly series: number }
  | { readonly table: 'ticks'; readonly id: number }

/** A row whose checksum does not fit. What does not need it works on. */
export class DamagedRow extends Error {
  override readonly name = 'DamagedRow'
  constructor(
    readonly key: RowKey,
    cause: unknown,
  ) {
    super(`${cause instanceof Error ? cause.message : String(cause)}: ${textOf(key)}`, { cause })
  }
}

/** Runs what unpacks a row. @throws DamagedRow if it cannot */
export function unpacked<T>(key: RowKey, unpack: () => T): T {
  try {
    return unpack()
  } catch (error) {
    throw new DamagedRow(key, error)
  }
}

function textOf(key: RowKey): string {
  const { table, ...rest } = key
  const parts = Object.entries(rest).map(([name, value]) => `${name} ${value}`)
  return `${table}, ${parts.join(', ')}`
}

/** Where the bytes of a damaged row are, and how the row is found. */
const sources = {
  chunks: { data: 'data', where: 'series = ? AND bucket = ?' },
  rollups: { data: 'hours || steps', where: 'bucket = ? AND field = ? AND part = ?' },
  days: { data: 'data', where: 'tier = ? AND day = ? AND series = ?' },
  ticks: { data: 'data', where: 'id = ?' },
} as const satisfies Record<RowKey['table'], { data: string; where: string }>

/**
 * Damaged rows are set aside: taken out of the way of what is healthy, and kept for whoever wants to look into them. Their number
 * is the store's answer to how much is damaged. Transactions are the caller's.
 */
export class Damage {
  /** Hours whose points were set aside: `series bucket`. */
  readonly #hours = new Set<string>()
  #rows = 0

  constructor(
    private readonly db: SqlDatabase,
    private readonly counters: Counters,
  ) {
    for (const row of db.prepare('SELECT source, key FROM damaged').all()) this.#note(textAt(row, 0), textAt(row, 1))
  }

  /** Rows that were ever set aside in this file. */
  get rows(): number {
    return this.#rows
  }

  /** The hour's points were set aside: its roll-ups know more than those that are there. */
  hasHour(series: number, bucket: number): boolean {
    return this.#hours.has(`${series} ${bucket}`)
  }

  setAside(key: RowKey): void {
    const { table } = key
    const { data, where } = sources[table]
    const values = keyValues(key)
    const text = values.join(' ')
    if (table === 'chunks') {
      const points = this.db.prepare(`SELECT points FROM chunks WHERE ${where}`).get(...values)
      if (points !== undefined) this.counters.add('points', -numberAt(points, 0))
    }
    this.db
      .prepare(`INSERT INTO damaged (source, key, data) SELECT ?, ?, ${data} FROM ${table} WHERE ${where}`)
      .run(table, text, ...values)
    const gone = this.db.prepare(`DELETE FROM ${table} WHERE ${where}`).run(...values)
    if (gone > 0) this.#note(table, text)
  }

  #note(source: string, key: string): void {
    this.#rows += 1
    if (source === 'chunks') this.#hours.add(key)
  }
}

/** In the order of the table's `where`. */
function keyValues(key: RowKey): number[] {
  switch (key.table) {
    case 'chunks':
      return [key.series, key.bucket]
    case 'rollups':
      return [key.bucket, key.field, key.part]
    case 'days':
      return [key.tier, key.day, key.series]
    case 'ticks':
      return [key.id]
  }
}
