import { entityKinds, fieldNames } from '../measurements.js'
import { counterNames } from './counters.js'
import { knownVersion } from '../known-file.js'
import { SqlDatabase, numberAt, textAt } from './database.js'

/** Kept in `PRAGMA user_version`. A change of the schema adds a step from the version before. */
export const schemaVersion = 4

/**
 * ticks    what was written since the last sealing: one compressed batch a row, replayed at opening
 * chunks   sealed points: one row a series and hour (chunk-codec.ts); `written` is the hour in which that was
 * rollups  of hours whose points are there or were lately: one row a field, hour and part of the series (rollup-table.ts)
 * days     roll-ups of days before: one row a tier, series and day (day-codec.ts)
 * damaged  rows whose checksum did not fit, set aside (damage.ts)
 * counters of whole tables, so that nothing has to be counted (counters.ts)
 */
const tables = `
CREATE TABLE fields (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (kind, name));
CREATE TABLE series (
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, entity TEXT NOT NULL, first_ms INTEGER NOT NULL DEFAULT 0,
  last_ms INTEGER NOT NULL DEFAULT 0, UNIQUE (kind, entity)
);
CREATE TABLE ticks (id INTEGER PRIMARY KEY AUTOINCREMENT, crc INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE chunks (
  series INTEGER NOT NULL, bucket INTEGER NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,
  points INTEGER NOT NULL, data BLOB NOT NULL, written INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (series, bucket)
);
CREATE UNIQUE INDEX chunks_by_bucket ON chunks (bucket, series);
CREATE TABLE events (
  at INTEGER NOT NULL, host_id TEXT NOT NULL, vm_uuid TEXT NOT NULL, kind TEXT NOT NULL, reason TEXT NOT NULL,
  message TEXT NOT NULL, vm_name TEXT NOT NULL, PRIMARY KEY (at, host_id, vm_uuid, kind, reason, message)
) WITHOUT ROWID;
CREATE INDEX events_by_vm ON events (vm_uuid, at);
CREATE INDEX events_by_host ON events (host_id, at);
CREATE TABLE marks (spool TEXT PRIMARY KEY, through INTEGER NOT NULL, at INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
`

const rollupTables = `
CREATE TABLE rollups (
  bucket INTEGER NOT NULL, field INTEGER NOT NULL, part INTEGER NOT NULL, hours BLOB NOT NULL, steps BLOB NOT NULL,
  PRIMARY KEY (bucket, field, part)
) WITHOUT ROWID;
CREATE TABLE days (
  tier INTEGER NOT NULL, day INTEGER NOT NULL, series INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (tier, day, series)
);
CREATE UNIQUE INDEX days_by_series ON days (series, tier, day);
CREATE TABLE damaged (id INTEGER PRIMARY KEY, source TEXT NOT NULL, key TEXT NOT NULL, data BLOB NOT NULL);
`

/** What each version has over the one before, oldest first. What takes long is done afterwards, bit by bit: former-hours.ts. */
const steps: readonly { readonly from: number; readonly sql: string }[] = [
  { from: 1, sql: 'ALTER TABLE marks ADD COLUMN at INTEGER NOT NULL DEFAULT 0' },
  {
    from: 2,
    sql: `
ALTER TABLE chunks ADD COLUMN written INTEGER NOT NULL DEFAULT 0;
ALTER TABLE series ADD COLUMN first_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE series ADD COLUMN last_ms INTEGER NOT NULL DEFAULT 0;
UPDATE series SET
  first_ms = coalesce((SELECT first_ms FROM chunks WHERE series = series.id ORDER BY bucket LIMIT 1), 0),
  last_ms = coalesce((SELECT last_ms FROM chunks WHERE series = series.id ORDER BY bucket DESC LIMIT 1), 0);
CREATE TABLE former (bucket INTEGER PRIMARY KEY);
INSERT INTO former SELECT DISTINCT bucket FROM chunks;
${rollupTables}`,
  },
  // Days are written in their second form, which a program of before would take for damage. The first is read as it is.
  { from: 3, sql: '' },
]

/** Small pages waste little where a row is larger than a page. A file keeps the size it was made with. */
const pageBytes = 4096

/**
 * Opens the file for this process alone (SQLite's exclusive lock; the WAL index then lives in memory) and creates the schema
 * in a new one. Never changes a file it does not know.
 * @throws SqlError: cannot be opened, damaged, in use, of a newer version, or not a store
 */
export function openSeriesDatabase(path: string): SqlDatabase {
  const db = new SqlDatabase(path)
  try {
    db.pragma('locking_mode = EXCLUSIVE')
    const version = knownVersion(db, schemaVersion)
    if (version === 0) {
      db.pragma(`page_size = ${pageBytes}`)
      db.pragma('auto_vacuum = INCREMENTAL')
    }
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = FULL')
    db.pragma('journal_size_limit = 16777216')
    db.pragma('cache_size = -8192')
    db.transaction(() => {
      // A new file is made as the newest version at once.
      if (version === 0) db.exec(tables + rollupTables)
      else for (const { from, sql } of steps) if (from >= version) db.exec(sql)
      if (version < schemaVersion) db.exec(`PRAGMA user_version = ${schemaVersion}`)
      const counter = db.prepare('INSERT OR IGNORE INTO counters VALUES (?, 0)')
      for (const name of counterNames) counter.run(name)
      const field = db.prepare('INSERT OR IGNORE INTO fields (kind, name) VALUES (?, ?)')
      for (const kind of entityKinds) for (const name of fieldNames(kind)) field.run(kind, name)
    })
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/** Closes the file: the log is moved into it, so that one file is left. What fails here is done at the next opening. */
export function closeSeriesDatabase(db: SqlDatabase): void {
  try {
    db.pragma('journal_mode = DELETE')
  } finally {
    db.closeExclusive()
  }
}

/** Ids of field names in this file: names may be added and reordered in measurements.ts. */
export class FieldDictionary {
  readonly #ids = new Map<string, number>()
  readonly #names = new Map<number, string>()
  readonly allIds: readonly number[]

  constructor(db: SqlDatabase) {
    for (const row of db.prepare('SELECT id, kind, name FROM fields').all()) {
      this.#ids.set(`${textAt(row, 1)}.${textAt(row, 2)}`, numberAt(row, 0))
      this.#names.set(numberAt(row, 0), textAt(row, 2))
    }
    this.allIds = [...this.#ids.values()]
  }

  /** @throws Error if this file never saw the field: its batch was damaged */
  idOf(kind: string, name: string): number {
    const id = this.#ids.get(`${kind}.${name}`)
    if (id === undefined) throw new Error(`unknown field ${kind}.${name}`)
    return id
  }

  /** Name of a field within its kind. @throws Error if this file never saw it */
  nameOf(id: number): string {
    const name = this.#names.get(id)
    if (name === undefined) throw new Error(`unknown field ${id}`)
    return name
  }
}
