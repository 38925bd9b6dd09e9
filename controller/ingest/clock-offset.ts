/** Clocks this close are taken as equal: the message itself took time. */
const sameClockMs = 2000

/**
 * The controller's clock minus an agent's, from what the agent's hellos say of its clock. A hello that was long under way says
 * a clock that is behind: the difference is the most that the offset can be. How long the answer took bounds it from below.
 */
export class ClockOffset {
  readonly #firstMs: number
  #mostMs: number
  #leastMs = -Infinity

  /** @param differenceMs our time when the hello came, less what it says */
  constructor(differenceMs: number) {
    this.#firstMs = differenceMs
    this.#mostMs = differenceMs
  }

  /** A later hello of the same clock. @param answeredAfterMs how long the answer to the first hello took, by the agent */
  again(differenceMs: number, answeredAfterMs: number): void {
    this.#mostMs = Math.min(this.#mostMs, differenceMs)
    this.#leastMs = Math.max(this.#leastMs, this.#firstMs - answeredAfterMs)
  }

  /** Milliseconds; 0 where the clocks may well be equal. */
  get ms(): number {
    const isBounded = this.#leastMs > -Infinity
    // Where they contradict each other, a clock was set meanwhile: the last word counts.
    const estimate = isBounded && this.#leastMs <= this.#mostMs ? (this.#leastMs + this.#mostMs) / 2 : this.#mostMs
    const mayBeEqual = this.#mostMs > -sameClockMs && (isBounded ? this.#leastMs : estimate) < sameClockMs
    return mayBeEqual ? 0 : Math.round(estimate)
  }
}

/**
 * How an agent's wall clock stood against the time since its machine's boot. Two readings of one boot differ only if the clock
 * was set in between.
 */
export interface ClockReading {
  /** A number by chance for each boot; 0: not known. */
  readonly boot: number
  /** Wall clock less time since boot, milliseconds. */
  readonly baseMs: number
}

/** By what the clock was set on between two readings, milliseconds; 0 where that cannot be told, or is little. */
export function setOnBetween(then: ClockReading, now: ClockReading): number {
  if (then.boot === 0 || then.boot !== now.boot) return 0
  const byMs = now.baseMs - then.baseMs
  return Math.abs(byMs) < sameClockMs ? 0 : byMs
}
