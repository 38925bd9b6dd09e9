import { setTimeout as delay } from 'node:timers/promises'

import type { Log } from './log.js'

interface Part {
  readonly name: string
  readonly stop: () => Promise<void> | void
}

/** Parts that were started, stopped in reverse order. A part that takes long to stop is named in the log. */
export class Lifecycle {
  readonly #parts: Part[] = []
  #stopping: Promise<void> | undefined

  constructor(
    private readonly log: Log,
    private readonly slowMs = 5000,
  ) {}

  /** A part that comes after the stop is stopped at once. */
  add(name: string, stop: Part['stop']): void {
    const part: Part = { name, stop }
    if (this.#stopping === undefined) this.#parts.push(part)
    else this.#stopping = this.#stopping.then(() => this.#stopOne(part))
  }

  /** Stops everything once; later calls wait for the first. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll()
    return this.#stopping
  }

  async #stopAll(): Promise<void> {
    for (const part of this.#parts.reverse()) await this.#stopOne(part)
  }

  async #stopOne({ name, stop }: Part): Promise<void> {
    const slow = setTimeout(
      () => this.log.warn({ part: name, afterMs: this.slowMs }, 'part is slow to stop'),
      this.slowMs,
    )
    try {
      await stop()
    } catch (error) {
      this.log.error({ part: name, err: error }, 'part failed to stop')
    } finally {
      clearTimeout(slow)
    }
  }
}

/** Waits; ends early, without an error, when the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
