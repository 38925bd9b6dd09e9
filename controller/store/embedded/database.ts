import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'

import Libsql from 'libsql'

import { errorCode } from '../../../common/error-code.js'

/** What a statement takes. Numbers arrive as REAL; a column with INTEGER affinity turns whole ones into integers. */
export type SqlParameter = number | string | Uint8Array | null
export type SqlRow = readonly unknown[]

export interface SqlStatement {
  /** Rows changed. */
  run(...parameters: readonly SqlParameter[]): number
  get(...parameters: readonly SqlParameter[]): SqlRow | undefined
  all(...parameters: readonly SqlParameter[]): SqlRow[]
  /** Row by row, for answers that do not fit into memory. Nothing else may be asked of the statement meanwhile. */
  each(...parameters: readonly SqlParameter[]): Generator<SqlRow, void>
}

/**
 * A failure of the database that names file and reason. `code` is SQLite's (SQLITE_FULL, SQLITE_BUSY, …), empty if there was none.
 */
export class SqlError extends Error {
  override readonly name = 'SqlError'
  constructor(
    readonly path: string,
    readonly code: string,
    detail: string,
    cause?: unknown,
  ) {
    super(`${path}: ${explain(code)}${detail}${code === '' ? '' : ` (${code})`}`, { cause })
  }
}

const explanations: readonly (readonly [prefix: string, text: string])[] = [
  ['SQLITE_FULL', 'the disk is full'],
  ['SQLITE_READONLY', 'the file or its directory is read-only'],
  ['SQLITE_BUSY', 'another process uses the file'],
  ['SQLITE_NOTADB', 'the file is damaged or no database; it was left as it is'],
  ['SQLITE_CORRUPT', 'the file is damaged; it was left as it is'],
  ['SQLITE_CANTOPEN', 'the file cannot be opened'],
  ['SQLITE_IOERR', 'the disk reports an input/output error'],
]

function explain(code: string): string {
  const found = explanations.find(([prefix]) => code.startsWith(prefix))
  return found === undefined ? '' : `${found[1]}: `
}

/** The one place that knows the SQLite binding. Synchronous: use it in a worker thread, or for small rare work. */
export class SqlDatabase {
  readonly #connection: Libsql.Database
  readonly #prepared = new Map<string, SqlStatement>()

  /**
   * Opens or creates a database file, mode 0600, in a directory that is created with mode 0700.
   * @throws SqlError
   */
  constructor(readonly path: string) {
    createPrivateFile(path)
    try {
      this.#connection = new Libsql(path)
    } catch (error) {
      throw this.#explained(error)
    }
  }

  /** @throws SqlError */
  exec(sql: string): void {
    this.#guard(() => this.#connection.exec(sql))
  }

  /** First column of the first row of a pragma. @throws SqlError */
  pragma(text: string): unknown {
    return this.prepare(`PRAGMA ${text}`).get()?.[0]
  }

  /** Each text is compiled once and kept: use parameters, not texts that differ. @throws SqlError */
  prepare(sql: string): SqlStatement {
    let statement = this.#prepared.get(sql)
    if (statement === undefined) this.#prepared.set(sql, (statement = this.#compile(sql)))
    return statement
  }

  #compile(sql: string): SqlStatement {
    const statement = this.#guard(() => this.#connection.prepare(sql))
    if (statement.reader) statement.raw(true)
    return {
      run: (...parameters) => this.#guard(() => statement.run(parameters).changes),
      get: (...parameters) => {
        const row: unknown = this.#guard(() => statement.get(parameters))
        return Array.isArray(row) ? row : undefined
      },
      all: (...parameters) => {
        const rows: SqlRow[] = []
        for (const row of this.#guard(() => statement.all(parameters))) if (Array.isArray(row)) rows.push(row)
        return rows
      },
      each: (...parameters) => this.#rows(this.#guard(() => statement.iterate(parameters))),
    }
  }

  *#rows(rows: Iterator<unknown>): Generator<SqlRow, void> {
    for (;;) {
      const { done, value } = this.#guard(() => rows.next())
      if (done === true) return
      if (Array.isArray(value)) yield value
    }
  }

  /** Runs `work` in one transaction, durable when this returns; rolls back and rethrows if it throws. */
  transaction<T>(work: () => T): T {
    this.begin()
    try {
      const result = work()
      this.commit()
      return result
    } catch (error) {
      this.rollback()
      throw error
    }
  }

  begin(): void {
    this.exec('BEGIN IMMEDIATE')
  }

  commit(): void {
    this.exec('COMMIT')
  }

  /** SQLite has rolled back by itself after some errors (a full disk): then there is nothing left to do. */
  rollback(): void {
    if (this.#connection.inTransaction) this.exec('ROLLBACK')
  }

  close(): void {
    this.#guard(() => this.#connection.close())
  }

  /**
   * Closes a file that was opened with an exclusive lock, and gives the lock back at once: the binding would hold it until its
   * statements are collected.
   */
  closeExclusive(): void {
    try {
      this.pragma('locking_mode = NORMAL')
      this.pragma('user_version')
    } finally {
      this.close()
    }
  }

  #guard<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      throw this.#explained(error)
    }
  }

  #explained(error: unknown): SqlError {
    const code = errorCode(error)
    return new SqlError(this.path, code, error instanceof Error ? error.message : String(error), error)
  }
}

/** SQLite gives the -wal and -shm files beside it the same mode. */
function createPrivateFile(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    closeSync(openSync(path, 'a', 0o600))
    chmodSync(path, 0o600)
  } catch (error) {
    const code = errorCode(error)
    throw new SqlError(path, code, error instanceof Error ? error.message : String(error), error)
  }
}

/** The number in a column. @throws TypeError if it is none: the schema and the query disagree */
export function numberAt(row: SqlRow, index: number): number {
  const value = row[index]
  if (typeof value !== 'number') throw new TypeError(`column ${index}: expected a number, got ${typeof value}`)
  return value
}

/** The text in a column. @throws TypeError if it is none */
export function textAt(row: SqlRow, index: number): string {
  const value = row[index]
  if (typeof value !== 'string') throw new TypeError(`column ${index}: expected a text, got ${typeof value}`)
  return value
}

/** The blob in a column. @throws TypeError if it is none */
export function bytesAt(row: SqlRow, index: number): Buffer {
  const value = row[index]
  if (Buffer.isBuffer(value)) return value
  throw new TypeError(`column ${index}: expected a blob, got ${typeof value}`)
}
