import { SqlError, numberAt, type SqlDatabase } from './embedded/database.js'

/**
 * The schema version of a file of ours, 0 for a new one. Call it before anything is changed in the file.
 * @throws SqlError: made by a newer program, or a database of something else
 */
export function knownVersion(db: SqlDatabase, newest: number): number {
  const version = numberAt([db.pragma('user_version')], 0)
  const tableCount = numberAt(db.prepare('SELECT count(*) FROM sqlite_schema').get() ?? [], 0)
  if (version > newest) {
    throw new SqlError(
      db.path,
      '',
      `schema version ${version} is newer than this program's ${newest}: run the newer program, or move the file away`,
    )
  }
  if (version === 0 && tableCount > 0) {
    throw new SqlError(db.path, '', 'a database of something else; it was left as it is')
  }
  return version
}
