import type { EntityKind } from '../store/measurements.js'

/** Figures that were told of hosts which say that they cannot measure them: a fault of a driver. They are dropped, and counted. */
export class Contradictions {
  readonly #counts = new Map<string, number>()

  /** By `<kind>.<field>`; there are no more than there are fields. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts
  }

  add(kind: EntityKind, fields: readonly string[]): void {
    for (const field of fields) {
      const name = `${kind}.${field}`
      this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
    }
  }
}
