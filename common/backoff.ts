/**
 * Exponential backoff with full jitter, so that a fleet that lost its controller does not come back at once.
 * Delay n is a random share of min(cap, base × 2^n), never below a tenth of it.
 */
export class Backoff {
  #attempt = 0

  constructor(
    private readonly options: { readonly baseMs: number; readonly capMs: number },
    private readonly random: () => number = Math.random,
  ) {}

  /** Milliseconds to wait before the next try. */
  nextMs(): number {
    const ceiling = Math.min(this.options.capMs, this.options.baseMs * 2 ** this.#attempt)
    this.#attempt = Math.min(this.#attempt + 1, 30)
    return ceiling * (0.1 + 0.9 * this.random())
  }

  reset(): void {
    this.#attempt = 0
  }
}
