import type { SpoolMark } from '../time-series.js'
import { type SqlDatabase, numberAt, textAt } from './database.js'

const pruneEveryMs = 86_400_000
/**
 * Every life of an agent and every outage leaves a mark. One that did not move for so long is of a spool that nobody has any
 * more: what agents keep is younger.
 */
const keptMs = 90 * 86_400_000

/** High-water marks of spools. Transactions of writes are the caller's. */
export class MarkTable {
  readonly #marks = new Map<string, number>()
  readonly #put
  #prunedAtMs = -Infinity

  constructor(private readonly db: SqlDatabase) {
    // `at` is when a mark was last seen not to move; 0: it has moved since that was looked at.
    this.#put = db.prepare('INSERT OR REPLACE INTO marks (spool, through, at) VALUES (?, ?, 0)')
    this.#load()
  }

  get all(): ReadonlyMap<string, number> {
    return this.#marks
  }

  /** -1 for a spool that has none. */
  through(spoolId: string): number {
    return this.#marks.get(spoolId) ?? -1
  }

  put({ spoolId, throughSeq }: SpoolMark): void {
    this.#put.run(spoolId, throughSeq)
  }

  /** The transaction of these marks is durable. */
  committed(marks: ReadonlyMap<string, number>): void {
    for (const [spoolId, throughSeq] of marks) this.#marks.set(spoolId, throughSeq)
  }

  /** Deletes the marks of spools that are gone; looks once a day. */
  prune(nowMs: number): void {
    if (nowMs - this.#prunedAtMs < pruneEveryMs) return
    const deleted = this.db.transaction(() => {
      const stale = this.db.prepare('DELETE FROM marks WHERE at > 0 AND at < ?').run(nowMs - keptMs)
      this.db.prepare('UPDATE marks SET at = ? WHERE at = 0').run(nowMs)
      return stale
    })
    this.#prunedAtMs = nowMs
    if (deleted > 0) this.#load()
  }

  #load(): void {
    this.#marks.clear()
    for (const row of this.db.prepare('SELECT spool, through FROM marks').all()) {
      this.#marks.set(textAt(row, 0), numberAt(row, 1))
    }
  }
}
