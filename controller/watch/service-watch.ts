import { rejectedBy, withDeadline } from '../../common/deadline.js'
import { pause } from '../../common/lifecycle.js'
import type { Log } from '../../common/log.js'
import type { CertificateEnd, Circumstances, StoreCondition } from '../model/circumstances.js'
import { storeConditionAfter, type StoreReading, type StoreTallies } from './store-condition.js'

interface ServiceWatchOptions {
  readonly certificates: () => Promise<readonly CertificateEnd[]>
  readonly store: () => Promise<StoreReading>
  readonly log: Log
  readonly now: () => number
  readonly storeEveryMs?: number
  readonly certificatesEveryMs?: number
  readonly deadlineMs?: number
}

type Seen = Pick<Circumstances, 'certificates' | 'store'>

/** Looks after the controller itself: its store and disk often, certificates rarely. */
export class ServiceWatch {
  readonly #stop = new AbortController()
  #running: Promise<unknown> | undefined
  #tallies: StoreTallies | undefined
  /** A question that the store has not answered yet: it is not asked again meanwhile. */
  #asking: Promise<StoreReading> | undefined
  #seen: Seen = {}

  constructor(private readonly options: ServiceWatchOptions) {}

  /** As seen last: the same object until it is looked at again. */
  get seen(): Seen {
    return this.#seen
  }

  start(): void {
    const { storeEveryMs = 10_000, certificatesEveryMs = 600_000 } = this.options
    this.#running = Promise.all([
      this.#loop(storeEveryMs, () => this.#lookAtStore()),
      this.#loop(certificatesEveryMs, () => this.#lookAtCertificates()),
    ])
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #loop(everyMs: number, look: () => Promise<void>): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      await look()
      await pause(everyMs, signal)
    }
  }

  async #lookAtStore(): Promise<void> {
    const { store, now } = this.options
    try {
      this.#asking ??= store().finally(() => {
        this.#asking = undefined
      })
      const asked = this.#asking
      const reading = await this.#inTime(() => asked)
      const { tallies, condition } = storeConditionAfter(this.#tallies, reading, now())
      this.#tallies = tallies
      this.#seen = { ...this.#seen, store: condition }
    } catch (error) {
      if (this.#stop.signal.aborted) return
      const problem = `it does not say how it is: ${error instanceof Error ? error.message : String(error)}`
      // What was so before is not over by that.
      this.#seen = { ...this.#seen, store: { ...(this.#seen.store ?? nothingKnown), problem } }
    }
  }

  async #lookAtCertificates(): Promise<void> {
    const { certificates, log } = this.options
    try {
      this.#seen = { ...this.#seen, certificates: await this.#inTime(certificates) }
    } catch (error) {
      if (!this.#stop.signal.aborted) log.warn({ err: error }, 'the ends of certificates could not be read')
    }
  }

  #inTime<Result>(work: () => Promise<Result>): Promise<Result> {
    const { deadlineMs = 10_000 } = this.options
    return withDeadline(deadlineMs, this.#stop.signal, (signal) =>
      Promise.race([work(), rejectedBy(signal, 'no answer')]),
    )
  }
}

const nothingKnown: StoreCondition = {
  writeProblem: '',
  problem: '',
  damagedRowsLately: 0,
  tooLatePointsLately: 0,
  trimmedLately: 0,
  lostPointsLately: 0,
}
