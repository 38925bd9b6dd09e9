import type { Log } from '../../../common/log.js'
import type { Transition } from '../../model/alert.js'
import type { Kept } from '../alert-rows.js'
import type { AlertMetrics } from './alert-metrics.js'
import type { AlertStore } from './alert-store.js'
import type { SpareNumber } from './spare-number.js'

/** Lines of history that may wait for a store that fails. */
const mostUnsaved = 10_000

/**
 * The one place where the state of alerts changes: one change after the other, each durable before the next begins. A store that fails does
 * not stop alerts: they go on in memory, and are written with the next change that can be. What numbers were given by then is kept beside it.
 */
export class Ledger {
  /** Ends with the last change in the row; never rejects. */
  #last: Promise<void> = Promise.resolve()
  #unsaved: Transition[] = []
  #isFailing = false
  /** Kept beside the state. */
  #spareNumber: number

  constructor(
    private kept: Kept,
    private readonly store: AlertStore,
    private readonly spare: Pick<SpareNumber, 'keep'>,
    private readonly metrics: AlertMetrics,
    private readonly log: Log,
  ) {
    this.#spareNumber = kept.state.nextNumber
  }

  get current(): Kept {
    return this.kept
  }

  /** True while what is shown is not durable. */
  get isFailing(): boolean {
    return this.#isFailing
  }

  /** Changes the state as `decide` says. Resolves, with what it gave, when that is durable or the store has failed. */
  async change<Result>(
    decide: (kept: Kept) => {
      readonly kept: Kept
      readonly transitions?: readonly Transition[]
      readonly result: Result
    },
  ): Promise<Result> {
    const turn = this.#last.then(async () => {
      const { kept, transitions = [], result } = decide(this.kept)
      this.kept = kept
      this.#unsaved.push(...transitions)
      await this.#save()
      return result
    })
    this.#last = turn.then(
      () => undefined,
      () => undefined,
    )
    return turn
  }

  /** Makes all durable that is not yet, the clock too. */
  async finish(): Promise<void> {
    await this.#last
    await this.#save(true)
  }

  async #save(isLast = false): Promise<void> {
    const surplus = Math.max(0, this.#unsaved.length - mostUnsaved)
    if (surplus > 0) this.metrics.historyDropped(this.#unsaved.splice(0, surplus).length)
    try {
      this.metrics.historyDropped(await this.store.save(this.kept, this.#unsaved, isLast))
      this.#unsaved = []
      if (this.#isFailing) this.log.info({}, 'alerts are durable again')
      this.#isFailing = false
    } catch (error) {
      this.metrics.saveFailed()
      if (!this.#isFailing) this.log.error({ err: error }, 'alerts cannot be made durable; they go on in memory')
      this.#isFailing = true
      this.#keepNumber()
    }
  }

  #keepNumber(): void {
    const { nextNumber } = this.kept.state
    if (nextNumber === this.#spareNumber) return
    try {
      this.spare.keep(nextNumber)
      this.#spareNumber = nextNumber
    } catch (error) {
      this.log.error({ err: error }, 'numbers of alerts cannot be kept either: they may be given again after a crash')
    }
  }
}
