import { type SqlDatabase, numberAt } from './database.js'

export type CounterName = 'points' | 'events'

/** Counts of whole tables, changed in the same transaction as the rows they count. */
export class Counters {
  readonly #get
  readonly #add

  constructor(db: SqlDatabase) {
    this.#get = db.prepare('SELECT value FROM counters WHERE name = ?')
    this.#add = db.prepare('UPDATE counters SET value = value + ? WHERE name = ?')
  }

  get(name: CounterName): number {
    return numberAt(this.#get.get(name) ?? [], 0)
  }

  add(name: CounterName, change: number): void {
    if (change !== 0) this.#add.run(change, name)
  }
}
