/** How a write ended, or did not begin. */
export type WriteEnd = { readonly seconds: number } | { readonly problem: string }

/** What carries writes out, one at a time, and never waits itself. */
export interface CanaryPort {
  begin(): void
  /** Of the write that was begun last; undefined while it has not come back. */
  ended(): WriteEnd | undefined
}

export interface CanaryReading {
  /** Time of the last write; of each write told once. */
  readonly seconds?: number
  /** How long the write that is under way has been, once that is longer than it may. */
  readonly overdueSeconds?: number
}

/** Longer than a healthy array ever takes for 4 KiB, and than a starved thread takes to begin. */
export const overdueAfterMs = 2000

/** Decides when the canary writes and what is told of it: at each beat the next write begins, if the last one has come back. */
export class CanaryBeat {
  #begunAtMs: number | undefined
  /** It has written once: what does not come back then is the storage's doing. */
  #hasWritten = false
  #problem = ''

  constructor(private readonly port: CanaryPort) {}

  /** Why the last write failed; empty if it did not. */
  get problem(): string {
    return this.#problem
  }

  /** @param nowMs of a monotonic clock */
  beat(nowMs: number): CanaryReading {
    let told: CanaryReading = {}
    if (this.#begunAtMs !== undefined) {
      const end = this.port.ended()
      if (end === undefined) return this.#underWay(nowMs - this.#begunAtMs)
      told = this.#take(end)
    }
    this.#begunAtMs = nowMs
    this.port.begin()
    return told
  }

  #underWay(ageMs: number): CanaryReading {
    return this.#hasWritten && ageMs >= overdueAfterMs ? { overdueSeconds: ageMs / 1000 } : {}
  }

  #take(end: WriteEnd): CanaryReading {
    if ('problem' in end) {
      this.#problem = end.problem
      return {}
    }
    this.#hasWritten = true
    this.#problem = ''
    return { seconds: end.seconds }
  }
}
