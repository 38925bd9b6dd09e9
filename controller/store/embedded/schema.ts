import { entityKinds, fieldNames } from '../measurements.js'
import { SqlDatabase, SqlError, numberAt, textAt } from './database.js'

/** Kept in `PRAGMA user_version`. A change of the schema adds a step from the version before. */
export const schemaVersion = 2

/**
 * ticks   what was written since the last sealing: one compressed batch a row, replayed at opening
 * chunks  sealed points: one row a series and hour, columns compressed one by one (chunk-codec.ts)
 * stats   of each field in each chunk, so that questions over many hours need not unpack chunks
 * counters of whole tables, so that nothing has to be counted
 */
const tables = `
CREATE TABLE fields (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (kind, name));
CREATE TABLE series (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, entity TEXT NOT NULL, UNIQUE (kind, entity));
CREATE TABLE ticks (id INTEGER PRIMARY KEY AUTOINCREMENT, crc INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE chunks (
  series INTEGER NOT NULL, bucket INTEGER NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,
  points INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (series, bucket)
);
CREATE UNIQUE INDEX chunks_by_bucket ON chunks (bucket, series);
CREATE TABLE stats (
  field INTEGER NOT NULL, bucket INTEGER NOT NULL, series INTEGER NOT NULL, count INTEGER NOT NULL,
  sum REAL NOT NULL, min REAL NOT NULL, max REAL NOT NULL, last REAL NOT NULL, PRIMARY KEY (field, bucket, series)
) WITHOUT ROWID;
CREATE TABLE events (
  at INTEGER NOT NULL, host_id TEXT NOT NULL, vm_uuid TEXT NOT NULL, kind TEXT NOT NULL, reason TEXT NOT NULL,
  message TEXT NOT NULL, vm_name TEXT NOT NULL, PRIMARY KEY (at, host_id, vm_uuid, kind, reason, message)
) WITHOUT ROWID;
CREATE INDEX events_by_vm ON events (vm_uuid, at);
CREATE INDEX events_by_host ON events (host_id, at);
CREATE TABLE marks (spool TEXT PRIMARY KEY, through INTEGER NOT NULL, at INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO counters VALUES ('points', 0), ('events', 0);
`

/** What the newest version has over each one before, oldest first. */
const steps: readonly { readonly from: number; readonly sql: string }[] = [
  { from: 1, sql: 'ALTER TABLE marks ADD COLUMN at INTEGER NOT NULL DEFAULT 0' },
]

/**
 * Opens the file for this process alone (SQLite's exclusive lock; the WAL index then lives in memory) and creates the schema
 * in a new one. Never changes a file it does not know.
 * @throws SqlError: cannot be opened, damaged, in use, of a newer version, or not a store
 */
export function openSeriesDatabase(path: string): SqlDatabase {
  const db = new SqlDatabase(path)
  try {
    db.pragma('locking_mode = EXCLUSIVE')
    const version = numberAt([db.pragma('user_version')], 0)
    const tableCount = numberAt(db.prepare('SELECT count(*) FROM sqlite_schema').get() ?? [], 0)
    refuseUnknown(path, version, tableCount)
    if (version === 0) {
      db.pragma('page_size = 8192')
      db.pragma('auto_vacuum = INCREMENTAL')
    }
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = FULL')
    db.pragma('journal_size_limit = 16777216')
    db.pragma('cache_size = -8192')
    db.transaction(() => {
      // A new file is made as the newest version at once.
      if (version === 0) db.exec(tables)
      else for (const { from, sql } of steps) if (from >= version) db.exec(sql)
      if (version < schemaVersion) db.exec(`PRAGMA user_version = ${schemaVersion}`)
      const insert = db.prepare('INSERT OR IGNORE INTO fields (kind, name) VALUES (?, ?)')
      for (const kind of entityKinds) for (const name of fieldNames(kind)) insert.run(kind, name)
    })
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/**
 * Closes the file: the log is moved into it, so that one file is left, and the lock is given back at once (the binding would
 * hold it until its statements are collected). What fails here is done at the next opening.
 */
export function closeSeriesDatabase(db: SqlDatabase): void {
  try {
    db.pragma('journal_mode = DELETE')
    db.pragma('locking_mode = NORMAL')
    db.pragma('user_version')
  } finally {
    db.close()
  }
}

function refuseUnknown(path: string, version: number, tableCount: number): void {
  if (version > schemaVersion) {
    throw new SqlError(
      path,
      '',
      `schema version ${version} is newer than this program's ${schemaVersion}: run the newer program, or move the file away`,
    )
  }
  if (version === 0 && tableCount > 0)
    throw new SqlError(path, '', 'a database of something else; it was left as it is')
}

/** Ids of field names in this file: names may be added and reordered in measurements.ts. */
export class FieldDictionary {
  readonly #ids = new Map<string, number>()

  constructor(db: SqlDatabase) {
    for (const row of db.prepare('SELECT id, kind, name FROM fields').all()) {
      this.#ids.set(`${textAt(row, 1)}.${textAt(row, 2)}`, numberAt(row, 0))
    }
  }

  /** @throws Error if this file never saw the field: its batch was damaged */
  idOf(kind: string, name: string): number {
    const id = this.#ids.get(`${kind}.${name}`)
    if (id === undefined) throw new Error(`unknown field ${kind}.${name}`)
    return id
  }

  get allIds(): readonly number[] {
    return [...this.#ids.values()]
  }
}
