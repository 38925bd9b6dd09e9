/** What the writer's thread is started with. */
export interface CanaryWork {
  readonly path: string
  readonly memory: SharedArrayBuffer
}

const textBytes = 512
const secondsAt = 16
const textAt = 24

/**
 * Memory that two threads share: the one asks for writes, the other does them. No messages: how a write stands is there to be seen
 * however busy either of them is.
 */
export class CanaryCells {
  /** Writes that were asked for, those that have ended, length of the problem of the last one, whether it is over. */
  readonly #words: Int32Array<SharedArrayBuffer>
  readonly #seconds: Float64Array<SharedArrayBuffer>
  readonly #text: Uint8Array<SharedArrayBuffer>

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer(textAt + textBytes)
  }

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory, 0, 4)
    this.#seconds = new Float64Array(memory, secondsAt, 1)
    this.#text = new Uint8Array(memory, textAt, textBytes)
  }

  ask(): void {
    Atomics.add(this.#words, 0, 1)
    Atomics.notify(this.#words, 0)
  }

  end(): void {
    Atomics.store(this.#words, 3, 1)
    this.ask()
  }

  /** Sleeps until a write is wanted. @returns false if none will be any more */
  waitForWork(): boolean {
    for (;;) {
      const asked = Atomics.load(this.#words, 0)
      if (Atomics.load(this.#words, 3) === 1) return false
      if (asked !== Atomics.load(this.#words, 1)) return true
      Atomics.wait(this.#words, 0, asked)
    }
  }

  finish(seconds: number): void {
    this.#seconds[0] = seconds
    this.#done(0)
  }

  fail(problem: string): void {
    const bytes = new TextEncoder().encode(problem).subarray(0, textBytes)
    this.#text.set(bytes)
    this.#done(bytes.length)
  }

  /** How the last write ended; undefined while it has not. */
  result(): { readonly seconds: number } | { readonly problem: string } | undefined {
    if (Atomics.load(this.#words, 0) !== Atomics.load(this.#words, 1)) return undefined
    const length = Atomics.load(this.#words, 2)
    if (length === 0) return { seconds: this.#seconds[0] ?? 0 }
    // A copy: no decoder reads memory that is shared.
    return { problem: new TextDecoder().decode(Uint8Array.from(this.#text.subarray(0, length))) }
  }

  #done(problemLength: number): void {
    Atomics.store(this.#words, 2, problemLength)
    Atomics.store(this.#words, 1, Atomics.load(this.#words, 0))
  }
}
