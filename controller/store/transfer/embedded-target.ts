import type { EmbeddedStore } from '../embedded/embedded-store.js'
import { rowsByEntity, type RolledUp } from '../roll-ups.js'
import type { RollUpTier } from '../server/tier-plan.js'
import type { Batch } from '../time-series.js'
import type { HistoryTarget, TooLate } from './target.js'

/** An embedded store that a history goes to. */
export class EmbeddedTarget implements HistoryTarget {
  readonly #tooLateBefore: Promise<number>
  #ownRollUps = 0

  constructor(private readonly store: Pick<EmbeddedStore, 'write' | 'putRollUps' | 'health'>) {
    this.#tooLateBefore = this.#countTooLate()
  }

  write(batch: Batch): Promise<void> {
    return this.store.write(batch)
  }

  async writeRollUps(tier: RollUpTier, rows: readonly RolledUp[]): Promise<void> {
    const groups = rowsByEntity(rows).map((group) => ({ ...group, tier }))
    this.#ownRollUps += rows.length - (await this.store.putRollUps(groups))
  }

  kept<Result>(send: (isAgain: boolean) => Promise<Result>): Promise<Result> {
    return send(false)
  }

  drained(): Promise<void> {
    return Promise.resolve()
  }

  async tooLate(): Promise<TooLate> {
    return { points: (await this.#countTooLate()) - (await this.#tooLateBefore), rollUps: this.#ownRollUps }
  }

  async #countTooLate(): Promise<number> {
    return (await this.store.health()).tooLate
  }
}
