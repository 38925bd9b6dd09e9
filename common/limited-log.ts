import type { Log } from './log.js'

interface Window {
  readonly endsAt: number
  lines: number
}

/**
 * Warnings about others, who may give cause for as many as they like: of each key some are written in a window of time, the
 * rest is counted, and told by the next line of that key. Everything is to be counted elsewhere too.
 */
export class LimitedLog {
  /** By key, oldest window first. */
  readonly #windows = new Map<string, Window>()

  constructor(
    private readonly log: Log,
    private readonly options: { readonly most: number; readonly windowMs: number; readonly mostKeys: number },
  ) {}

  /**
   * @param key what is limited as one: a reason and an address
   * @param now milliseconds, by a clock that nobody sets
   */
  warn(key: string, now: number, fields: object, message: string): void {
    const open = this.#windows.get(key)
    if (open !== undefined && open.endsAt > now) {
      open.lines += 1
      if (open.lines <= this.options.most) this.log.warn(fields, message)
      return
    }
    const leftOut = Math.max(0, (open?.lines ?? 0) - this.options.most)
    this.#windows.delete(key)
    this.#makeRoom(now)
    this.#windows.set(key, { endsAt: now + this.options.windowMs, lines: 1 })
    this.log.warn(leftOut === 0 ? fields : { ...fields, leftOutBefore: leftOut }, message)
  }

  /** Windows end in the order in which they began. One with lines left out stays until its key speaks again, or room is needed. */
  #makeRoom(now: number): void {
    for (const [key, { endsAt, lines }] of this.#windows) {
      const isFull = this.#windows.size >= this.options.mostKeys
      if (!isFull && endsAt > now) return
      if (isFull || lines <= this.options.most) this.#windows.delete(key)
    }
  }
}
