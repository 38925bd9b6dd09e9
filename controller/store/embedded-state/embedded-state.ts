import { AsyncLocalStorage } from 'node:async_hooks'

import { SqlDatabase, textAt, type SqlRow } from '../embedded/database.js'
import { knownVersion } from '../known-file.js'
import type { StateRow, StateStore, StateTable, Tx } from '../state-store.js'
import { stateTables } from '../state-store.js'

const schemaVersion = 1

export interface EmbeddedStateOptions {
  /** The SQLite file; `-wal` and `-shm` beside it belong to it. Created with its directory if missing. */
  readonly path: string
  /** Transactions that may wait for their turn; more are refused with 'state store busy'. */
  readonly maxWaiting?: number
  /** How long a transaction may take from its turn; then it is rolled back. */
  readonly deadlineMs?: number
}

/**
 * Opens the state store on a SQLite file of its own, on this thread: its writes are small and rare.
 * @throws SqlError: cannot be opened, damaged, of a newer version, or not a state store
 */
export function openEmbeddedState({ path, maxWaiting = 1000, deadlineMs = 30_000 }: EmbeddedStateOptions): StateStore {
  return new EmbeddedState(openStateDatabase(path), maxWaiting, deadlineMs)
}

function openStateDatabase(path: string): SqlDatabase {
  const db = new SqlDatabase(path)
  try {
    const version = knownVersion(db, schemaVersion)
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = FULL')
    if (version === 0) {
      db.transaction(() => {
        db.exec(
          'CREATE TABLE state (name TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (name, key)) WITHOUT ROWID',
        )
        db.exec(`PRAGMA user_version = ${schemaVersion}`)
      })
    }
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

class EmbeddedState implements StateStore {
  /** Ends with the last transaction in the queue; never rejects. */
  #last: Promise<void> = Promise.resolve()
  #waiting = 0
  #closed = false
  readonly #inside = new AsyncLocalStorage<EmbeddedTx>()

  constructor(
    private readonly db: SqlDatabase,
    private readonly maxWaiting: number,
    private readonly deadlineMs: number,
  ) {}

  async tx<T>(work: (t: Tx) => Promise<T>): Promise<T> {
    if (this.#closed) throw new Error('state store is closed')
    // It would wait for itself.
    if (this.#inside.getStore()?.ended === false) throw new Error('state store: transactions do not nest')
    if (this.#waiting >= this.maxWaiting) throw new Error('state store busy')
    this.#waiting += 1
    const turn = this.#last.then(() => {
      this.#waiting -= 1
      return this.#run(work)
    })
    this.#last = turn.then(
      () => undefined,
      () => undefined,
    )
    return turn
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#last
    this.db.close()
  }

  async #run<T>(work: (t: Tx) => Promise<T>): Promise<T> {
    this.db.begin()
    const tx = new EmbeddedTx(this.db)
    try {
      const result = await this.#inside.run(tx, () => withDeadline(work(tx), this.deadlineMs))
      tx.end()
      this.db.commit()
      return result
    } catch (error) {
      tx.end()
      this.db.rollback()
      throw error
    }
  }
}

class EmbeddedTx implements Tx {
  #ended = false

  constructor(private readonly db: SqlDatabase) {}

  get ended(): boolean {
    return this.#ended
  }

  async get(table: StateTable, key: string): Promise<unknown> {
    const row = this.#statement(table, 'SELECT value FROM state WHERE name = ? AND key = ?').get(table, key)
    return Promise.resolve(row === undefined ? undefined : parsed(table, key, textAt(row, 0)))
  }

  async put(table: StateTable, key: string, value: unknown): Promise<void> {
    const text: unknown = JSON.stringify(value)
    if (typeof text !== 'string') throw new TypeError(`${table} ${key}: the value has no JSON`)
    this.#statement(table, 'INSERT OR REPLACE INTO state (name, key, value) VALUES (?, ?, ?)').run(table, key, text)
    return Promise.resolve()
  }

  async delete(table: StateTable, key: string): Promise<void> {
    this.#statement(table, 'DELETE FROM state WHERE name = ? AND key = ?').run(table, key)
    return Promise.resolve()
  }

  async list(table: StateTable): Promise<readonly StateRow[]> {
    const rows = this.#statement(table, 'SELECT key, value FROM state WHERE name = ? ORDER BY key').all(table)
    return Promise.resolve(rows.map((row) => rowOf(table, row)))
  }

  async first(table: StateTable, limit: number): Promise<readonly StateRow[]> {
    const sql = 'SELECT key, value FROM state WHERE name = ? ORDER BY key LIMIT ?'
    return Promise.resolve(
      this.#statement(table, sql)
        .all(table, limit)
        .map((row) => rowOf(table, row)),
    )
  }

  async last(table: StateTable, limit: number, before?: string, from = ''): Promise<readonly StateRow[]> {
    const below = before === undefined ? '' : 'AND key < ? '
    const statement = this.#statement(
      table,
      `SELECT key, value FROM state WHERE name = ? AND key >= ? ${below}ORDER BY key DESC LIMIT ?`,
    )
    const rows = before === undefined ? statement.all(table, from, limit) : statement.all(table, from, before, limit)
    return Promise.resolve(rows.map((row) => rowOf(table, row)))
  }

  /** Later calls are refused: they would land in another transaction. */
  end(): void {
    this.#ended = true
  }

  #statement(table: string, sql: string): ReturnType<SqlDatabase['prepare']> {
    if (this.#ended) throw new Error('state store: this transaction is over')
    if (!stateTables.some((name) => name === table)) throw new Error(`state store: no table ${JSON.stringify(table)}`)
    return this.db.prepare(sql)
  }
}

function rowOf(table: string, row: SqlRow): StateRow {
  const key = textAt(row, 0)
  return { key, value: parsed(table, key, textAt(row, 1)) }
}

function parsed(table: string, key: string, text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return value
  } catch (error) {
    throw new Error(`state store: ${table} ${key} is damaged`, { cause: error })
  }
}

async function withDeadline<T>(work: Promise<T>, deadlineMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error(`state store: a transaction took longer than ${deadlineMs} ms`)),
      deadlineMs,
    )
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
