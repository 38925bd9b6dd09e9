import type { FleetEvent } from '../../model/snapshot.js'
import type { EventQuery } from '../time-series.js'
import type { Counters } from './counters.js'
import { type SqlDatabase, numberAt, textAt } from './database.js'

const maxLimit = 10_000

/** Events of the fleet. One that is the same in all but the VM's name is stored once. Transactions are the caller's. */
export class EventTable {
  readonly #insert
  readonly #boundary
  readonly #delete
  readonly #oldest
  #oldestNoted = Number.MAX_SAFE_INTEGER

  constructor(
    private readonly db: SqlDatabase,
    private readonly counters: Counters,
  ) {
    this.#insert = db.prepare(
      'INSERT OR IGNORE INTO events (at, host_id, vm_uuid, kind, reason, message, vm_name) VALUES (?, ?, ?, ?, ?, ?, ?)',
    )
    this.#boundary = db.prepare('SELECT at FROM events ORDER BY at LIMIT 1 OFFSET ?')
    this.#delete = db.prepare('DELETE FROM events WHERE at < ?')
    this.#oldest = db.prepare('SELECT min(at) FROM events')
  }

  /** Begins to note how far back events reach that are added from now on. */
  noteOldest(): void {
    this.#oldestNoted = Number.MAX_SAFE_INTEGER
  }

  /** The oldest event added since that; larger than any time if there was none. */
  get oldestNoted(): number {
    return this.#oldestNoted
  }

  add(events: readonly FleetEvent[]): void {
    let added = 0
    for (const { at, hostId, vmUuid, kind, reason, message, vmName } of events) {
      this.#oldestNoted = Math.min(this.#oldestNoted, at)
      added += this.#insert.run(at, hostId, vmUuid, kind, reason, message, vmName)
    }
    this.counters.add('events', added)
  }

  /** Newest first. */
  query({ fromMs, toMs, vmUuid, hostId, limit }: EventQuery): FleetEvent[] {
    const conditions = ['at >= ?', 'at < ?']
    const parameters: (number | string)[] = [fromMs, toMs]
    for (const [column, value] of [
      ['vm_uuid', vmUuid],
      ['host_id', hostId],
    ] as const) {
      if (value === undefined) continue
      conditions.push(`${column} = ?`)
      parameters.push(value)
    }
    const rows = this.db
      .prepare(
        `SELECT at, host_id, vm_uuid, vm_name, kind, reason, message FROM events WHERE ${conditions.join(' AND ')}
         ORDER BY at DESC LIMIT ?`,
      )
      .all(...parameters, Math.min(Math.max(0, Math.floor(limit)), maxLimit))
    return rows.map((row) => ({
      at: numberAt(row, 0),
      hostId: textAt(row, 1),
      vmUuid: textAt(row, 2),
      vmName: textAt(row, 3),
      kind: textAt(row, 4),
      reason: textAt(row, 5),
      message: textAt(row, 6),
    }))
  }

  /** Deletes the oldest events before the time, about `limit` of them; returns how many. */
  deleteOldest(beforeMs: number, limit: number): number {
    const oldest = this.#oldest.get()?.[0]
    if (typeof oldest !== 'number' || oldest >= beforeMs) return 0
    const boundary = this.#boundary.get(limit)
    // Events of one millisecond go together, or a crowd of them would never go.
    const until = boundary === undefined ? beforeMs : Math.min(beforeMs, Math.max(numberAt(boundary, 0), oldest + 1))
    const deleted = this.#delete.run(until)
    this.counters.add('events', -deleted)
    return deleted
  }
}
