/** How much is let through: a steady rate, and what may come at once after a quiet time. */
export interface Rate {
  readonly perSecond: number
  readonly burst: number
}

/** Lets through so much a second. Time is an argument; a clock that goes back stands still for it. */
export class TokenBucket {
  #tokens: number
  #at: number

  constructor(
    private readonly rate: Rate,
    now: number,
  ) {
    this.#tokens = rate.burst
    this.#at = now
  }

  /** Takes `amount` if it is there: all of it, or nothing. */
  take(amount: number, now: number): boolean {
    this.#refill(now)
    if (this.#tokens < amount) return false
    this.#tokens -= amount
    return true
  }

  /** Takes `amount`, there or not. Milliseconds until what was missing has come; 0 if nothing was. */
  spend(amount: number, now: number): number {
    this.#refill(now)
    this.#tokens -= amount
    return this.#tokens >= 0 ? 0 : Math.ceil((-this.#tokens / this.rate.perSecond) * 1000)
  }

  /** Whether it holds all that it can: one like it could be made anew. */
  isFull(now: number): boolean {
    this.#refill(now)
    return this.#tokens >= this.rate.burst
  }

  #refill(now: number): void {
    const elapsedMs = Math.max(0, now - this.#at)
    this.#tokens = Math.min(this.rate.burst, this.#tokens + (elapsedMs / 1000) * this.rate.perSecond)
    this.#at = now
  }
}

/** A bucket for each of many, made when it is needed. Where there are too many the one made first is forgotten. */
export class KeyedBuckets {
  readonly #buckets = new Map<string, TokenBucket>()

  constructor(
    private readonly rate: Rate,
    private readonly mostKeys: number,
  ) {}

  get size(): number {
    return this.#buckets.size
  }

  take(key: string, amount: number, now: number): boolean {
    return this.#at(key, now).take(amount, now)
  }

  spend(key: string, amount: number, now: number): number {
    return this.#at(key, now).spend(amount, now)
  }

  /** Forgets those that are full: they would be made like that. */
  sweep(now: number): void {
    for (const [key, bucket] of this.#buckets) if (bucket.isFull(now)) this.#buckets.delete(key)
  }

  #at(key: string, now: number): TokenBucket {
    const known = this.#buckets.get(key)
    if (known !== undefined) return known
    if (this.#buckets.size >= this.mostKeys) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest)
        break
      }
    }
    const made = new TokenBucket(this.rate, now)
    this.#buckets.set(key, made)
    return made
  }
}
