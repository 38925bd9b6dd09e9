import { pause } from '../../common/lifecycle.js'

export interface InventoryLoopOptions {
  /** Reads and passes it on; must not reject. */
  readonly read: () => Promise<void>
  readonly intervalMs: () => number
  readonly signal: AbortSignal
  /** Monotonic clock, milliseconds. */
  readonly monotonicMs: () => number
  /** Shortest time between two readings, however often it is wanted. */
  readonly shortestMs?: number
}

/** Reads the inventory at its beat, and soon after it was asked for: at once at first, then no more often than once a second. */
export class InventoryLoop {
  #wanted = false
  #wake: (() => void) | undefined

  constructor(private readonly options: InventoryLoopOptions) {}

  /** Asks for a reading soon. One that runs may have begun too early: another one follows it. */
  want(): void {
    this.#wanted = true
    this.#wake?.()
  }

  /** Runs until the signal aborts. `waitFirst`: it has just been read. */
  async run({ waitFirst = false }: { readonly waitFirst?: boolean } = {}): Promise<void> {
    const { read, intervalMs, signal, monotonicMs, shortestMs = 1000 } = this.options
    if (waitFirst) await this.#waitUntilWanted(intervalMs(), signal)
    while (!signal.aborted) {
      this.#wanted = false
      const beganMs = monotonicMs()
      await read()
      await this.#waitUntilWanted(intervalMs(), signal)
      await pause(Math.max(0, beganMs + shortestMs - monotonicMs()), signal)
    }
  }

  async #waitUntilWanted(mostMs: number, signal: AbortSignal): Promise<void> {
    if (this.#wanted || signal.aborted) return
    const waiting = new AbortController()
    const wake = (): void => waiting.abort()
    this.#wake = wake
    signal.addEventListener('abort', wake, { once: true })
    await pause(mostMs, waiting.signal)
    signal.removeEventListener('abort', wake)
    this.#wake = undefined
  }
}
