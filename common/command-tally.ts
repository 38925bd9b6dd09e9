import { isVerb } from './verbs.js'

/** How many commands of a verb came to an end, and how long those that had begun took. */
export interface TallyRow {
  readonly verb: string
  readonly end: string
  readonly count: number
  /** Of those that had begun, added up. */
  readonly seconds: number
}

/** What both programs show of commands as metrics. */
export interface CommandFigures {
  readonly ended: readonly TallyRow[]
  /** That have not begun. */
  readonly waiting: number
  readonly running: number
  /** Not taken in for want of room. */
  readonly turnedAway: number
}

/** Counts ends of commands by verb. As many rows as there are verbs and ends: what is no verb counts as one. */
export class CommandTally {
  readonly #rows = new Map<string, TallyRow>()

  /** @param ms from its beginning; undefined: it had not begun */
  add(verb: string, end: string, ms: number | undefined): void {
    const known = isVerb(verb) ? verb : 'unknown'
    const key = `${known} ${end}`
    const { count, seconds } = this.#rows.get(key) ?? { count: 0, seconds: 0 }
    // A clock that was set back makes no time negative.
    const took = Math.max(0, ms ?? 0) / 1000
    this.#rows.set(key, { verb: known, end, count: count + 1, seconds: seconds + took })
  }

  rows(): readonly TallyRow[] {
    return [...this.#rows.values()]
  }
}
