import { constants, crc32, deflateRawSync, inflateRawSync } from 'node:zlib'

import { type SqlDatabase, bytesAt, numberAt } from './database.js'

/** A batch of points as a row of `ticks` keeps it. */
export interface Tick {
  readonly crc: number
  readonly data: Buffer
}

export function packTick(points: Uint8Array): Tick {
  const data = deflateRawSync(points, { level: constants.Z_BEST_SPEED })
  return { crc: crc32(data), data }
}

/** What was written since the last sealing, in order. Transactions are the caller's. */
export class TickLog {
  readonly #append
  readonly #page
  readonly #last
  readonly #size
  readonly #delete
  #bytes = 0

  constructor(private readonly db: SqlDatabase) {
    this.#append = db.prepare('INSERT INTO ticks (crc, data) VALUES (?, ?)')
    this.#page = db.prepare('SELECT id, crc, data FROM ticks WHERE id > ? ORDER BY id LIMIT 64')
    this.#last = db.prepare('SELECT max(id), min(id) FROM ticks')
    this.#size = db.prepare('SELECT sum(length(data)) FROM ticks WHERE id <= ?')
    this.#bytes = this.#sizeThrough(Number.MAX_SAFE_INTEGER)
    this.#delete = db.prepare('DELETE FROM ticks WHERE id <= ?')
  }

  /** Bytes of all ticks. */
  get bytes(): number {
    return this.#bytes
  }

  /** Inside a transaction; `committed` after it. */
  append({ crc, data }: Tick): void {
    this.#append.run(crc, data)
  }

  committed(ticks: readonly Tick[]): void {
    for (const { data } of ticks) this.#bytes += data.length
  }

  /** Every tick, oldest first, as it was given to packTick; undefined where one is damaged. */
  *replay(): Generator<{ readonly id: number; readonly points: Buffer | undefined }> {
    for (let after = 0; ;) {
      const rows = this.#page.all(after)
      for (const row of rows) {
        after = numberAt(row, 0)
        const data = bytesAt(row, 2)
        yield { id: after, points: crc32(data) === numberAt(row, 1) ? inflateRawSync(data) : undefined }
      }
      if (rows.length === 0) return
    }
  }

  /** Id of the newest tick; 0 if there is none. */
  lastId(): number {
    const id = this.#last.get()?.[0]
    return typeof id === 'number' ? id : 0
  }

  /**
   * Deletes some of the oldest ticks up to `throughId`, in a transaction of its own; false when all are gone.
   * Oldest first, so that what a crash leaves is a whole end of the log.
   */
  deleteSome(throughId: number): boolean {
    const oldest = this.#last.get()?.[1]
    if (typeof oldest !== 'number' || oldest > throughId) return false
    const through = Math.min(throughId, oldest + 31)
    const bytes = this.#sizeThrough(through)
    this.db.transaction(() => this.#delete.run(through))
    this.#bytes -= bytes
    return true
  }

  #sizeThrough(id: number): number {
    const bytes = this.#size.get(id)?.[0]
    return typeof bytes === 'number' ? bytes : 0
  }
}
