import { rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

import { syncDirectory } from '../../../../common/durable-file.js'
import { counterNames } from '../counters.js'
import { type SqlDatabase, type SqlParameter, type SqlRow, SqlError, numberAt } from '../database.js'
import { closeSeriesDatabase, openSeriesDatabase } from '../schema.js'
import { openAlone } from './check-store.js'
import { moveAside } from './restore-store.js'

export interface Repaired {
  /** Rows that could be read, by table. */
  readonly rows: Readonly<Record<string, number>>
  /** What could not be read, in words. */
  readonly lost: readonly string[]
  /** The damaged file. */
  readonly formerPath: string
}

interface Salvaged {
  readonly columns: string
  /** Orders in which rows are read, each up and down, until something is in the way. */
  readonly orders: readonly string[]
  /** Column by whose values the reading is divided, so that damage ends only the part that it is in. */
  readonly by?: string
}

/** Hours or days that a table may reach over: ten years of hours. */
const mostParts = 100_000

const tables: Readonly<Record<string, Salvaged>> = {
  fields: { columns: 'id, kind, name', orders: ['rowid', 'kind, name'] },
  series: { columns: 'id, kind, entity, first_ms, last_ms', orders: ['rowid', 'kind, entity'] },
  marks: { columns: 'spool, through, at', orders: ['spool'] },
  counters: { columns: 'name, value', orders: ['name'] },
  chunks: {
    columns: 'series, bucket, first_ms, last_ms, points, data, written',
    orders: ['rowid', 'series, bucket', 'bucket, series'],
    by: 'bucket',
  },
  rollups: { columns: 'bucket, field, part, hours, steps', orders: ['bucket, field, part'], by: 'bucket' },
  days: { columns: 'tier, day, series, data', orders: ['rowid', 'tier, day, series', 'series, tier, day'], by: 'day' },
  events: {
    columns: 'at, host_id, vm_uuid, kind, reason, message, vm_name',
    orders: ['at, host_id, vm_uuid, kind, reason, message', 'vm_uuid, at', 'host_id, at'],
  },
  ticks: { columns: 'id, crc, data', orders: ['rowid'] },
  damaged: { columns: 'id, source, key, data', orders: ['rowid'] },
}

/**
 * Makes a new file of all rows that can be read of a damaged one, which is kept beside it. Rows whose checksum does not fit come
 * along: the program sets them aside when it meets them.
 * @param tag ends the name of the damaged file
 * @throws SqlError: in use, of another version, or damaged so much that not even its tables are known
 */
export async function repairStore(path: string, tag: string): Promise<Repaired> {
  const draft = `${path}.repaired`
  for (const end of ['', '-wal', '-shm']) await rm(`${draft}${end}`, { force: true })
  const rows: Record<string, number> = {}
  const lost: string[] = []
  const from = openAlone(path)
  try {
    requireTables(from)
    const to = openSeriesDatabase(draft)
    try {
      for (const [table, salvaged] of Object.entries(tables)) {
        to.exec(`DELETE FROM ${table}`)
        for (const failure of salvageTable(from, to, table, salvaged)) lost.push(`${table}: ${failure}`)
        rows[table] = numberAt(to.prepare(`SELECT count(*) FROM ${table}`).get() ?? [], 0)
      }
      recount(to)
    } finally {
      closeSeriesDatabase(to)
    }
  } finally {
    from.closeExclusive()
  }
  const formerPath = `${path}.damaged-${tag}`
  await moveAside(path, formerPath)
  await rename(draft, path)
  await syncDirectory(dirname(path))
  return { rows, lost, formerPath }
}

function requireTables(db: SqlDatabase): void {
  const known = new Set(
    db
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
      .all()
      .map(([name]) => name),
  )
  const missing = Object.keys(tables).filter((table) => !known.has(table))
  if (missing.length > 0) {
    throw new SqlError(
      db.path,
      '',
      `has no table ${missing.join(', ')}: restore a backup, or let the program bring it up to date`,
    )
  }
}

/** Returns what was in the way. */
function salvageTable(
  from: SqlDatabase,
  to: SqlDatabase,
  table: string,
  { columns, orders, by }: Salvaged,
): ReadonlySet<string> {
  const failures = new Set<string>()
  const marks = columns.split(', ').map(() => '?')
  const insert = `INSERT OR IGNORE INTO ${table} (${columns}) VALUES (${marks.join(', ')})`
  const read = (where: string, order: string, ...values: readonly SqlParameter[]): boolean => {
    const rows = from.prepare(`SELECT ${columns} FROM ${table} ${where} ORDER BY ${order}`).each(...values)
    return copyRows(rows, to, insert, (failure) => failures.add(failure))
  }
  const ways = orders.flatMap((order) => [order, order.replaceAll(/(?=,|$)/g, ' DESC')])
  // The first way that reads everything ends it; what stopped an earlier one was no loss then.
  if (ways.some((order) => read('', order))) return new Set()
  if (by === undefined) return failures
  for (const part of partsOf(from, table, by)) ways.some((order) => read(`WHERE ${by} = ?`, order, part))
  return failures
}

const rowsPerTransaction = 200

/** Copies rows until they end (true) or something is in the way; what was read until then stays. */
function copyRows(
  rows: Generator<SqlRow, void>,
  to: SqlDatabase,
  insert: string,
  tell: (failure: string) => void,
): boolean {
  let batch: SqlRow[] = []
  const flush = (): void => {
    to.transaction(() => {
      for (const row of batch) to.prepare(insert).run(...row.map(asParameter))
    })
    batch = []
  }
  try {
    for (const row of rows) {
      batch.push(row)
      if (batch.length >= rowsPerTransaction) flush()
    }
    flush()
    return true
  } catch (error) {
    if (!(error instanceof SqlError) || error.path === to.path) throw error
    tell(error.message)
    flush()
    return false
  }
}

function asParameter(value: unknown): SqlParameter {
  if (typeof value === 'number' || typeof value === 'string' || value instanceof Uint8Array) return value
  return null
}

/** Values by which a table is divided, as far as they can be found out. */
function partsOf(db: SqlDatabase, table: string, by: string): number[] {
  const bounds: number[] = []
  for (const end of ['min', 'max']) {
    try {
      bounds.push(numberAt(db.prepare(`SELECT ${end}(${by}) FROM ${table}`).get() ?? [], 0))
    } catch {
      return []
    }
  }
  const [first = 0, last = -1] = bounds
  return Array.from({ length: Math.min(last - first + 1, mostParts) }, (_, index) => first + index)
}

function recount(db: SqlDatabase): void {
  db.transaction(() => {
    const insert = db.prepare('INSERT OR IGNORE INTO counters VALUES (?, 0)')
    for (const name of counterNames) insert.run(name)
    db.exec(`
      UPDATE counters SET value = (SELECT coalesce(sum(points), 0) FROM chunks) WHERE name = 'points';
      UPDATE counters SET value = (SELECT count(*) FROM events) WHERE name = 'events';
    `)
  })
}
