import { windowMs } from './tier-plan.js'
import type { Window } from './window-table.js'

/** Of one question to the server. */
const mostWindows = { '5m': 12, '1h': 6 } as const
const longest = Math.max(...Object.values(mostWindows))
/** So many in a row have to work before more windows are asked for at once again. */
const runsBeforeLonger = 20

/**
 * How many windows one question may cover. A question that fails may have been too much for the server in the time that it has:
 * the next covers half as many, down to one.
 */
export class RunLength {
  #most = longest
  #done = 0

  get most(): number {
    return this.#most
  }

  /** @param windows that the question covered */
  failed(windows: number): void {
    this.#most = Math.max(1, Math.floor(windows / 2))
    this.#done = 0
  }

  done(windows: number): void {
    if (windows < this.#most) return
    this.#done += 1
    if (this.#done < runsBeforeLonger) return
    this.#most = Math.min(longest, this.#most * 2)
    this.#done = 0
  }
}

/** Windows of one kind and tier that follow one another, at most `most` at a time. */
export function* runsOf(windows: readonly Window[], most: number): Generator<readonly Window[]> {
  const open = new Map<string, Window[]>()
  for (const window of windows) {
    const key = `${window.tier} ${window.kind}`
    const run = open.get(key) ?? []
    const last = run.at(-1)
    const follows = last !== undefined && last.startMs + windowMs[last.tier] === window.startMs
    if (run.length > 0 && (!follows || run.length >= Math.min(most, mostWindows[window.tier]))) {
      yield run
      open.set(key, [window])
    } else {
      run.push(window)
      open.set(key, run)
    }
  }
  yield* open.values()
}
