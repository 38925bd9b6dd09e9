import { crc32, inflateRawSync } from 'node:zlib'

import { bytesAt, numberAt, type SqlDatabase } from '../embedded/database.js'
import type { Tick } from '../embedded/tick-log.js'

export interface QueueBounds {
  readonly maxBytes: number
  readonly maxAgeMs: number
}

export interface QueuedBatch {
  readonly id: number
  readonly points: number
  /** What encodePoints made; undefined if it is damaged. */
  readonly data: Buffer | undefined
}

interface Held {
  readonly throughId: number
  readonly points: number
  readonly sentAtMs: number
}

interface Totals {
  readonly points: number
  readonly bytes: number
}

/**
 * Batches in the order of their writing. Those that the server took can be *held*: kept until they are on its disk, and sent again
 * if it crashed before. Bounded by bytes and age: the oldest go first. Transactions are the caller's; after one that failed,
 * `recount`.
 */
export class QueueTable {
  readonly #append
  readonly #next
  readonly #nextSize
  readonly #totals
  readonly #delete
  #held: Held[] = []
  #sentThroughId = 0
  #all: Totals = { points: 0, bytes: 0 }

  constructor(db: SqlDatabase) {
    this.#append = db.prepare('INSERT INTO queue (at, points, crc, data) VALUES (?, ?, ?, ?)')
    this.#next = db.prepare('SELECT id, points, crc, data FROM queue WHERE id > ? ORDER BY id LIMIT 1')
    this.#nextSize = db.prepare('SELECT id, at, points FROM queue WHERE id > ? ORDER BY id LIMIT 2')
    this.#totals = db.prepare('SELECT total(points), total(length(data)) FROM queue WHERE id > ? AND id <= ?')
    this.#delete = db.prepare('DELETE FROM queue WHERE id > ? AND id <= ?')
    this.recount()
  }

  get waitingPoints(): number {
    return this.#all.points - this.heldPoints
  }

  get heldPoints(): number {
    return this.#held.reduce((sum, { points }) => sum + points, 0)
  }

  get bytes(): number {
    return this.#all.bytes
  }

  /** When the oldest that the server has not taken was written. */
  oldestWaitingMs(): number | undefined {
    const row = this.#nextSize.get(this.#sentThroughId)
    return row === undefined ? undefined : numberAt(row, 1)
  }

  append({ crc, data }: Tick, points: number, nowMs: number): void {
    this.#append.run(nowMs, points, crc, data)
    this.#all = { points: this.#all.points + points, bytes: this.#all.bytes + data.length }
  }

  recount(): void {
    this.#all = this.#sum(0, Number.MAX_SAFE_INTEGER)
  }

  /** The batch after that one; undefined if there is none. */
  after(id: number): QueuedBatch | undefined {
    const row = this.#next.get(id)
    if (row === undefined) return undefined
    const data = bytesAt(row, 3)
    const isWhole = crc32(data) === numberAt(row, 2)
    return { id: numberAt(row, 0), points: numberAt(row, 1), data: isWhole ? inflateRawSync(data) : undefined }
  }

  /** The server has taken everything through this batch, since it last crashed. */
  get sentThroughId(): number {
    return this.#sentThroughId
  }

  /** The server has these on its disk. */
  finish(throughId: number): void {
    this.#sentThroughId = throughId
    this.#deleteBetween(0, throughId)
  }

  /** The server has taken them, and could lose them: they stay until `confirm`. */
  hold(throughId: number, points: number, sentAtMs: number): void {
    this.#sentThroughId = throughId
    this.#held.push({ throughId, points, sentAtMs })
  }

  isConfirmable(sentBeforeMs: number): boolean {
    const [oldest] = this.#held
    return oldest !== undefined && oldest.sentAtMs < sentBeforeMs
  }

  /** What was sent before that moment is on the server's disk. */
  confirm(sentBeforeMs: number): void {
    let through: number | undefined
    while (this.isConfirmable(sentBeforeMs)) through = this.#held.shift()?.throughId
    if (through !== undefined) this.#deleteBetween(0, through)
  }

  /** The server lost what is held: it waits again. Returns how many points. */
  rewind(): number {
    const points = this.heldPoints
    this.#held = []
    this.#sentThroughId = 0
    return points
  }

  /**
   * Gives up the oldest batches beyond the bounds, but none through `keptThroughId`, which are being sent, and not the newest.
   * Returns how many points the server never had.
   */
  enforce({ maxBytes, maxAgeMs }: QueueBounds, nowMs: number, keptThroughId: number): number {
    let dropped = 0
    for (;;) {
      const [oldest, another] = this.#nextSize.all(keptThroughId)
      if (oldest === undefined || another === undefined) return dropped
      if (this.#all.bytes <= maxBytes && numberAt(oldest, 1) >= nowMs - maxAgeMs) return dropped
      const id = numberAt(oldest, 0)
      if (id > this.#sentThroughId) dropped += numberAt(oldest, 2)
      this.#deleteBetween(keptThroughId, id)
      this.#held = this.#held.filter(({ throughId }) => throughId > id)
    }
  }

  #deleteBetween(afterId: number, throughId: number): void {
    const { points, bytes } = this.#sum(afterId, throughId)
    this.#delete.run(afterId, throughId)
    this.#all = { points: this.#all.points - points, bytes: this.#all.bytes - bytes }
  }

  #sum(afterId: number, throughId: number): Totals {
    const row = this.#totals.get(afterId, throughId) ?? []
    return { points: numberAt(row, 0), bytes: numberAt(row, 1) }
  }
}
