import { existsSync, statSync } from 'node:fs'
import { crc32, inflateRawSync } from 'node:zlib'

import { decodePoints } from '../batch-codec.js'
import { decodeChunk } from '../chunk-codec.js'
import { type SqlDatabase, SqlDatabase as Database, SqlError, bytesAt, numberAt, textAt } from '../database.js'
import { decodeDay } from '../day-codec.js'
import { rollUpHour } from '../hour-rollup.js'
import { RollupTable, partOf, seriesPerPart } from '../rollup-table.js'
import { schemaVersion } from '../schema.js'

export interface CheckReport {
  readonly path: string
  readonly bytes: number
  readonly schemaVersion: number
  readonly rows: Readonly<Record<string, number>>
  readonly points: number
  /** In words, the first of each kind; empty if all is well. */
  readonly problems: readonly string[]
}

const mostProblems = 50

/**
 * Reads every row of a time-series file that no program has open, and compares it with its checksum and with what other rows say.
 * Changes nothing. Yields how many rows it has read.
 * @throws SqlError: missing, in use, of a newer version, no store at all
 */
export function* checkStore(path: string): Generator<number, CheckReport> {
  const db = openAlone(path)
  try {
    const problems = new Problems()
    const version = numberAt([db.pragma('user_version')], 0)
    if (version > schemaVersion) throw new SqlError(path, '', `schema version ${version} is newer than this program's`)
    if (version === 0) throw new SqlError(path, '', 'no time-series store')
    problems.addStructure(db)
    const rows: Record<string, number> = {}
    let read = 0
    for (const [table, check] of Object.entries(version < 3 ? checksOfTwo : checksOfThree)) {
      rows[table] = 0
      try {
        for (const _ of check(db, problems)) {
          rows[table] += 1
          read += 1
          if (read % 100 === 0) yield read
        }
      } catch (error) {
        problems.add(table, error)
      }
    }
    problems.compareCounters(db, rows)
    return {
      path,
      bytes: statSync(path).size,
      schemaVersion: version,
      rows,
      points: problems.points,
      problems: problems.list,
    }
  } finally {
    db.closeExclusive()
  }
}

/** Opens a file that must be there, and that nobody else may have open. @throws SqlError */
export function openAlone(path: string): SqlDatabase {
  if (!existsSync(path)) throw new SqlError(path, '', 'there is no such file')
  const db = new Database(path)
  try {
    db.pragma('locking_mode = EXCLUSIVE')
    db.begin()
    db.rollback()
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

class Problems {
  readonly list: string[] = []
  points = 0
  events = 0

  add(where: string, error: unknown): void {
    const text = error instanceof Error ? error.message : String(error)
    if (this.list.length < mostProblems) this.list.push(`${where}: ${text}`)
  }

  addStructure(db: SqlDatabase): void {
    try {
      for (const row of db.prepare(`PRAGMA integrity_check(${mostProblems})`).all()) {
        const text = textAt(row, 0)
        if (text !== 'ok') this.add('structure', text)
      }
    } catch (error) {
      this.add('structure', error)
    }
  }

  compareCounters(db: SqlDatabase, rows: Readonly<Record<string, number>>): void {
    try {
      for (const row of db.prepare('SELECT name, value FROM counters').all()) {
        const [name, value] = [textAt(row, 0), numberAt(row, 1)]
        if (name === 'points' && value !== this.points) {
          this.add('counters', `${value} points are counted, ${this.points} are there`)
        }
        if (name === 'events' && value !== rows['events']) {
          this.add('counters', `${value} events are counted, ${rows['events'] ?? 0} are there`)
        }
      }
    } catch (error) {
      this.add('counters', error)
    }
  }
}

type Check = (db: SqlDatabase, problems: Problems) => Generator<void>

/** What of each table is looked at, beyond its structure. */
const checksOfTwo: Readonly<Record<string, Check>> = {
  ticks: checkTicks,
  chunks: (db, problems) => checkChunks(db, problems, false),
  events: countEvents,
}

const checksOfThree: Readonly<Record<string, Check>> = {
  ticks: checkTicks,
  chunks: (db, problems) => checkChunks(db, problems, true),
  rollups: checkRollups,
  days: checkDays,
  events: countEvents,
  damaged: noteDamaged,
}

function* checkTicks(db: SqlDatabase, problems: Problems): Generator<void> {
  for (const [id, row] of ascending(db, 'SELECT id, crc, data FROM ticks WHERE id > ? ORDER BY id LIMIT 64')) {
    try {
      const data = bytesAt(row, 2)
      if (crc32(data) !== numberAt(row, 1)) throw new Error('is damaged (checksum)')
      decodePoints(inflateRawSync(data), () => 0)
    } catch (error) {
      problems.add(`ticks, batch ${id}`, error)
    }
    yield
  }
}

/** @param withRollups each hour's roll-ups are compared with its points */
function* checkChunks(db: SqlDatabase, problems: Problems, withRollups: boolean): Generator<void> {
  const rollups = withRollups ? new RollupTable(db) : undefined
  const former = hasTable(db, 'former') ? db.prepare('SELECT 1 FROM former WHERE bucket = ?') : undefined
  const sql =
    'SELECT rowid, series, bucket, first_ms, last_ms, points, data FROM chunks WHERE rowid > ? ORDER BY rowid LIMIT 32'
  for (const [, row] of ascending(db, sql)) {
    const [series, bucket, firstMs, lastMs, points] = [1, 2, 3, 4, 5].map((column) => numberAt(row, column))
    const where = `chunks, series ${series}, hour ${bucket}`
    problems.points += points ?? 0
    try {
      const block = decodeChunk(bytesAt(row, 6))
      if (block.length !== points || block.firstMs !== firstMs || block.lastMs !== lastMs) {
        throw new Error(`holds ${block.length} points from ${block.firstMs} to ${block.lastMs}, and says otherwise`)
      }
      if (
        rollups !== undefined &&
        former?.get(bucket ?? 0) === undefined &&
        !wasSetAside(db, series ?? 0, bucket ?? 0)
      ) {
        for (const [field, { hour }] of rollUpHour(block, bucket ?? 0)) {
          const known = rollups.listOf(bucket ?? 0, field, series ?? 0, 'hour')
          const count = known?.summaries.at(known.first).count ?? 0
          if (count !== hour.count)
            throw new Error(`field ${field} has ${hour.count} values, its roll-up counts ${count}`)
        }
      }
    } catch (error) {
      problems.add(where, error)
    }
    yield
  }
}

function hasTable(db: SqlDatabase, name: string): boolean {
  return db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(name) !== undefined
}

function wasSetAside(db: SqlDatabase, series: number, bucket: number): boolean {
  return (
    db.prepare("SELECT 1 FROM damaged WHERE source = 'chunks' AND key = ?").get(`${series} ${bucket}`) !== undefined
  )
}

function* checkRollups(db: SqlDatabase, problems: Problems): Generator<void> {
  const rollups = new RollupTable(db)
  const sql = 'SELECT DISTINCT bucket FROM rollups WHERE bucket > ? ORDER BY bucket LIMIT 64'
  for (const [bucket] of ascending(db, sql)) {
    const keys = db.prepare('SELECT field, part FROM rollups WHERE bucket = ?').all(bucket)
    for (const key of keys) {
      const [field, part] = [numberAt(key, 0), numberAt(key, 1)]
      try {
        for (const entries of rollups.partAt(bucket, part, [field]).keys()) {
          if (partOf(entries) !== part) throw new Error(`names series ${entries}, which is not one of ${seriesPerPart}`)
        }
      } catch (error) {
        problems.add('rollups', error)
      }
      yield
    }
  }
}

function* checkDays(db: SqlDatabase, problems: Problems): Generator<void> {
  const sql = 'SELECT rowid, tier, day, series, data FROM days WHERE rowid > ? ORDER BY rowid LIMIT 16'
  for (const [, row] of ascending(db, sql)) {
    try {
      const bytes = bytesAt(row, 4)
      for (const { summaries } of decodeDay(bytes).fields.values()) summaries.all()
      for (const { first, summaries } of decodeDay(bytes, { whole: true }).fields.values()) summaries.figuresAt(first)
    } catch (error) {
      problems.add(`days, tier ${numberAt(row, 1)}, day ${numberAt(row, 2)}, series ${numberAt(row, 3)}`, error)
    }
    yield
  }
}

function* countEvents(db: SqlDatabase): Generator<void> {
  const count = numberAt(db.prepare('SELECT count(*) FROM events').get() ?? [], 0)
  for (let event = 0; event < count; event += 1) yield
}

function* noteDamaged(db: SqlDatabase, problems: Problems): Generator<void> {
  for (const row of db.prepare('SELECT source, key FROM damaged ORDER BY id').all()) {
    problems.add('set aside as damaged before', `${textAt(row, 0)} ${textAt(row, 1)}`)
    yield
  }
}

/** Rows of a query whose first column ascends and is its parameter, page by page. */
function* ascending(db: SqlDatabase, sql: string): Generator<readonly [number, readonly unknown[]]> {
  const page = db.prepare(sql)
  for (let after = -1; ;) {
    const rows = page.all(after)
    for (const row of rows) {
      after = numberAt(row, 0)
      yield [after, row]
    }
    if (rows.length === 0) return
  }
}
