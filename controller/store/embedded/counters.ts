import { type SqlDatabase, numberAt } from './database.js'

/**
 * points, events  rows of whole tables
 * too_late        points that came after the points of their hour were deleted, and did not get into its roll-ups
 * trimmed_points, trimmed_rollups  what was deleted before its time, because the file would have grown too large
 * raw_from        no count: before this bucket points may be deleted, and roll-ups answer for them
 */
export const counterNames = ['points', 'events', 'too_late', 'trimmed_points', 'trimmed_rollups', 'raw_from'] as const
export type CounterName = (typeof counterNames)[number]

/** Numbers about the whole file, changed in the same transaction as what they are about. */
export class Counters {
  readonly #get
  readonly #add
  readonly #raise

  constructor(db: SqlDatabase) {
    this.#get = db.prepare('SELECT value FROM counters WHERE name = ?')
    this.#add = db.prepare('UPDATE counters SET value = value + ? WHERE name = ?')
    this.#raise = db.prepare('UPDATE counters SET value = max(value, ?) WHERE name = ?')
  }

  get(name: CounterName): number {
    return numberAt(this.#get.get(name) ?? [], 0)
  }

  add(name: CounterName, change: number): void {
    if (change !== 0) this.#add.run(change, name)
  }

  raise(name: CounterName, least: number): void {
    this.#raise.run(least, name)
  }
}
