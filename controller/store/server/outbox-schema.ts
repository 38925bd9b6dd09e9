import { SqlDatabase } from '../embedded/database.js'
import { knownVersion } from '../known-file.js'

const schemaVersion = 1

/**
 * queue    batches that the server has not taken, or has not got on its disk: one compressed batch a row (tick-log.ts)
 * windows  of roll-ups that are to be computed (`dirty`), and how often each was
 * events, marks, counters  as in the embedded store: they stay here, in one transaction with the queue
 */
const tables = `
CREATE TABLE queue (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, points INTEGER NOT NULL, crc INTEGER NOT NULL, data BLOB NOT NULL
);
CREATE TABLE windows (
  tier TEXT NOT NULL, kind TEXT NOT NULL, start INTEGER NOT NULL, version INTEGER NOT NULL, dirty INTEGER NOT NULL,
  PRIMARY KEY (tier, kind, start)
) WITHOUT ROWID;
CREATE TABLE events (
  at INTEGER NOT NULL, host_id TEXT NOT NULL, vm_uuid TEXT NOT NULL, kind TEXT NOT NULL, reason TEXT NOT NULL,
  message TEXT NOT NULL, vm_name TEXT NOT NULL, PRIMARY KEY (at, host_id, vm_uuid, kind, reason, message)
) WITHOUT ROWID;
CREATE INDEX events_by_vm ON events (vm_uuid, at);
CREATE INDEX events_by_host ON events (host_id, at);
CREATE TABLE marks (spool TEXT PRIMARY KEY, through INTEGER NOT NULL, at INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO counters VALUES ('events', 0);
`

/**
 * Opens the file for this process alone, or makes it.
 * @throws SqlError: cannot be opened, damaged, in use, of a newer version, or not a queue
 */
export function openOutboxDatabase(path: string, nowMs: number): SqlDatabase {
  const db = new SqlDatabase(path)
  try {
    db.pragma('locking_mode = EXCLUSIVE')
    const version = knownVersion(db, schemaVersion)
    if (version === 0) {
      db.pragma('page_size = 8192')
      db.pragma('auto_vacuum = INCREMENTAL')
    }
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = FULL')
    db.pragma('journal_size_limit = 16777216')
    db.pragma('cache_size = -8192')
    if (version === 0) {
      db.transaction(() => {
        db.exec(tables)
        db.prepare('INSERT INTO counters VALUES (?, ?)').run('madeMs', nowMs)
        db.exec(`PRAGMA user_version = ${schemaVersion}`)
      })
    }
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/**
 * A transaction that a power loss may take back, whole, with those after it up to the next ordinary one: for what would only be
 * done again.
 */
export function relaxedTransaction(db: SqlDatabase, work: () => void): void {
  db.pragma('synchronous = NORMAL')
  try {
    db.transaction(work)
  } finally {
    db.pragma('synchronous = FULL')
  }
}
