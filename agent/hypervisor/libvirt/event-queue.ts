import type { HypervisorEvent } from '../hypervisor.js'

/** Events on their way to the one who reads them. Bounded: when it is full the oldest goes, and is counted. */
export class EventQueue {
  readonly #events: HypervisorEvent[] = []
  #wake: (() => void) | undefined
  #closed = false
  #dropped = 0

  constructor(private readonly capacity: number = 1000) {}

  /** How many were lost because nobody read them in time. */
  get dropped(): number {
    return this.#dropped
  }

  push(event: HypervisorEvent): void {
    if (this.#closed) return
    this.#events.push(event)
    if (this.#events.length > this.capacity) {
      this.#events.shift()
      this.#dropped += 1
    }
    this.#wake?.()
  }

  /** Ends the reader after what is still queued. */
  close(): void {
    this.#closed = true
    this.#wake?.()
  }

  /** A single reader. Ends when the signal aborts or the queue is closed. */
  async *read(signal: AbortSignal): AsyncGenerator<HypervisorEvent, void, undefined> {
    const wake = (): void => this.#wake?.()
    signal.addEventListener('abort', wake)
    try {
      while (!signal.aborted) {
        const event = this.#events.shift()
        if (event !== undefined) yield event
        else if (this.#closed) return
        else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve
          })
        }
      }
    } finally {
      signal.removeEventListener('abort', wake)
    }
  }
}
