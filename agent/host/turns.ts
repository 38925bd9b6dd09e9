/**
 * Lets so many works go on at once; the others wait. A work that never ends, such as a system call on storage that hangs, keeps its place: of the
 * pool of threads no more are lost than there are places.
 */
export class Turns {
  #free: number
  readonly #waiting = new Set<() => void>()

  constructor(places: number) {
    this.#free = places
  }

  /** @throws the signal's reason, if it aborts before the turn comes; or what `work` throws */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted()
    if (this.#free > 0) this.#free -= 1
    else await this.#turn(signal)
    try {
      return await work()
    } finally {
      this.#next()
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const come = (): void => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      const leave = (): void => {
        this.#waiting.delete(come)
        reject(signal.reason instanceof Error ? signal.reason : new Error('no turn came'))
      }
      this.#waiting.add(come)
      signal.addEventListener('abort', leave, { once: true })
    })
  }

  /** The place goes to who has waited longest. */
  #next(): void {
    const [come] = this.#waiting
    if (come === undefined) {
      this.#free += 1
      return
    }
    this.#waiting.delete(come)
    come()
  }
}
