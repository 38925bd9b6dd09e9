import { type SqlDatabase, type SqlParameter, numberAt } from './database.js'
import type { EventTable } from './event-table.js'
import type { FormerHours } from './former-hours.js'
import type { HourParts } from './closed-hours.js'
import { closeSeriesDatabase, openSeriesDatabase } from './schema.js'

export interface BackupParts extends HourParts {
  readonly db: SqlDatabase
  readonly former: FormerHours
  readonly events: EventTable
}

/** Rows copied so far, and about how many there are. */
export interface BackupProgress {
  readonly rows: number
  readonly ofRows: number
}

interface Copied {
  readonly table: string
  readonly columns: string
  /** Columns that name a row, in which it is copied. */
  readonly key: string
  readonly perSlice: number
}

/** What does not change while the backup runs: only a job changes it, and there is one job at a time. */
const still: readonly Copied[] = [
  { table: 'series', columns: 'id, kind, entity, first_ms, last_ms', key: 'id', perSlice: 2000 },
  {
    table: 'chunks',
    columns: 'series, bucket, first_ms, last_ms, points, data, written',
    key: 'series, bucket',
    perSlice: 100,
  },
  { table: 'rollups', columns: 'bucket, field, part, hours, steps', key: 'bucket, field, part', perSlice: 200 },
  { table: 'days', columns: 'tier, day, series, data', key: 'tier, day, series', perSlice: 30 },
  { table: 'damaged', columns: 'id, source, key, data', key: 'id', perSlice: 30 },
]

const events: Copied = {
  table: 'events',
  columns: 'at, host_id, vm_uuid, kind, reason, message, vm_name',
  key: 'at, host_id, vm_uuid, kind, reason, message',
  perSlice: 1000,
}

const ticks: Copied = { table: 'ticks', columns: 'id, crc, data', key: 'id', perSlice: 30 }

/**
 * Writes all that is stored into a new file, slice by slice, while writes go on: the file holds what was durable when the last
 * slice was written. It is not fsynced yet. What it has written of a file that it does not finish is for the caller to remove.
 * @throws SqlError (the disk of the file is full, it exists, …)
 */
export function* backUp(parts: BackupParts, path: string, tell: (progress: BackupProgress) => void): Generator<void> {
  const { db } = parts
  yield* parts.former.migrate(parts)
  closeSeriesDatabase(openSeriesDatabase(path))
  db.prepare('ATTACH DATABASE ? AS copy').run(path)
  try {
    // A crash leaves no file behind that anybody would take for a backup: it gets its name afterwards.
    db.exec('PRAGMA copy.journal_mode = OFF; PRAGMA copy.synchronous = OFF')
    const progress = { rows: 0, ofRows: countOf(db) }
    const count = (rows: number): void => {
      progress.rows += rows
      progress.ofRows = Math.max(progress.ofRows, progress.rows)
      tell(progress)
    }
    db.transaction(() => replaceAll(db, 'fields', 'id, kind, name'))
    for (const one of still) for (const rows of slices(db, one)) yield count(rows)
    parts.events.noteOldest()
    for (const rows of slices(db, events)) yield count(rows)
    let lastTick = 0
    for (const rows of slices(db, ticks, (key) => (lastTick = Number(key[0])))) yield count(rows)
    // From here to the end nothing comes between.
    db.transaction(() => {
      copy(db, ticks, 'WHERE id > ?', lastTick)
      copy(db, events, 'WHERE at >= ?', parts.events.oldestNoted)
      replaceAll(db, 'marks', 'spool, through, at')
      replaceAll(db, 'counters', 'name, value')
    })
  } finally {
    db.exec('DETACH DATABASE copy')
  }
}

function countOf(db: SqlDatabase): number {
  // Those tables that have the most rows and a row id or a short index.
  return ['chunks', 'days', 'rollups'].reduce(
    (sum, table) => sum + numberAt(db.prepare(`SELECT count(*) FROM ${table}`).get() ?? [], 0),
    0,
  )
}

function replaceAll(db: SqlDatabase, table: string, columns: string): void {
  db.exec(`DELETE FROM copy.${table}; INSERT INTO copy.${table} (${columns}) SELECT ${columns} FROM main.${table}`)
}

function copy(db: SqlDatabase, { table, columns }: Copied, where: string, ...values: readonly SqlParameter[]): number {
  return db
    .prepare(`INSERT OR IGNORE INTO copy.${table} (${columns}) SELECT ${columns} FROM main.${table} ${where}`)
    .run(...values)
}

/** Copies a table in the order of its key, each slice one transaction; yields how many rows each had. */
function* slices(
  db: SqlDatabase,
  one: Copied,
  passed: (key: readonly SqlParameter[]) => void = () => undefined,
): Generator<number> {
  const { table, key, perSlice } = one
  const names = key.split(', ')
  const marks = names.map(() => '?').join(', ')
  const order = `ORDER BY ${key} LIMIT ${perSlice}`
  let after: readonly SqlParameter[] | undefined
  for (;;) {
    const where = after === undefined ? '' : `WHERE (${key}) > (${marks})`
    const values = after ?? []
    const descending = names.map((name) => `${name} DESC`).join(', ')
    const last = db
      .prepare(`SELECT ${key} FROM (SELECT ${key} FROM main.${table} ${where} ${order}) ORDER BY ${descending} LIMIT 1`)
      .get(...values)
    if (last === undefined) return
    const rows = db.transaction(() => copy(db, one, `${where} ${order}`, ...values))
    after = last.filter((value) => typeof value === 'number' || typeof value === 'string')
    passed(after)
    yield rows
  }
}
