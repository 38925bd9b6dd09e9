import { createHash } from 'node:crypto'

/**
 * Mulberry32 (Tommy Ettinger, public domain): 32 bits of state, enough for noise, and one number to save.
 * Each VM has its own, seeded by its name, so that the order of asking changes nothing.
 */
export class SeededRandom {
  #state: number

  constructor(state: number) {
    this.#state = state >>> 0
  }

  static of(seed: number, name: string): SeededRandom {
    return new SeededRandom(createHash('sha1').update(`${seed}/${name}`).digest().readUInt32BE(0))
  }

  /** All of it: what is saved and set again goes on alike. */
  get state(): number {
    return this.#state
  }

  set state(state: number) {
    this.#state = state >>> 0
  }

  /** Uniform in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.next()
  }

  /** Exponentially distributed, at least a tenth and at most five times the mean. */
  around(mean: number): number {
    return mean * Math.min(5, Math.max(0.1, -Math.log(1 - this.next())))
  }
}
