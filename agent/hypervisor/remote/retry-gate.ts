import type { Backoff } from '../../../common/backoff.js'

/**
 * The one place that says when something that failed may be tried again: those who want it ask as often as they like, and hear
 * the last failure until its time has come.
 */
export class RetryGate {
  #failure: Error | undefined
  #notBeforeMs = 0

  /** @param monotonicMs a clock that never steps */
  constructor(
    private readonly backoff: Backoff,
    private readonly monotonicMs: () => number,
  ) {}

  /** The last failure while it is too early for another try. */
  refusal(): Error | undefined {
    return this.monotonicMs() < this.#notBeforeMs ? this.#failure : undefined
  }

  failed(error: Error): void {
    this.#failure = error
    this.#notBeforeMs = this.monotonicMs() + this.backoff.nextMs()
  }

  /** It works: the next failure is the first. */
  worked(): void {
    this.#failure = undefined
    this.backoff.reset()
  }
}
