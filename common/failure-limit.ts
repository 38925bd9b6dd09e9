interface Window {
  readonly endsAt: number
  failures: number
}

/**
 * Counts wrong secrets by peer. It slows down who guesses and keeps the log short; the secrets themselves cannot be guessed. Who only
 * records failures never holds up a right secret, so that one program with an old token does not lock out everyone behind the
 * same address; who asks `waitMs` first holds up both.
 */
export class FailureLimit {
  /** By peer, oldest window first. */
  readonly #windows = new Map<string, Window>()

  constructor(
    private readonly options: { readonly most: number; readonly windowMs: number; readonly mostPeers: number },
  ) {}

  /** Counts a failure. Milliseconds until the peer may fail again, or undefined while it is within its limit. */
  record(peer: string, now: number): number | undefined {
    const open = this.#windows.get(peer)
    if (open !== undefined && open.endsAt > now) {
      open.failures += 1
      return open.failures > this.options.most ? open.endsAt - now : undefined
    }
    this.#windows.delete(peer)
    this.#makeRoom(now)
    this.#windows.set(peer, { endsAt: now + this.options.windowMs, failures: 1 })
    return undefined
  }

  /** Milliseconds until the peer may try again, or undefined if it did not fail too often. */
  waitMs(peer: string, now: number): number | undefined {
    const open = this.#windows.get(peer)
    return open !== undefined && open.endsAt > now && open.failures > this.options.most ? open.endsAt - now : undefined
  }

  /** Takes one failure back: it was none. */
  forgive(peer: string): void {
    const open = this.#windows.get(peer)
    if (open === undefined) return
    open.failures -= 1
    if (open.failures <= 0) this.#windows.delete(peer)
  }

  get peers(): number {
    return this.#windows.size
  }

  /** Windows end in the order in which they began. */
  #makeRoom(now: number): void {
    for (const [peer, { endsAt }] of this.#windows) {
      if (endsAt > now && this.#windows.size < this.options.mostPeers) return
      this.#windows.delete(peer)
    }
  }
}
