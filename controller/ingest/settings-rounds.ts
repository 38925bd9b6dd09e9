import { pause } from '../../common/lifecycle.js'
import type { OpenSessions } from './open-sessions.js'
import type { Intervals } from './to-wire.js'

/** A fleet that grows by one host changes every interval a little. Nobody is told of less than this share. */
const worthTelling = 0.1

/** How often it is looked whether there is something to tell. */
const defaultEveryMs = 5000
/** Agents told in one second: each may log it, and sets its schedule anew. */
const defaultPerSecond = 50

/**
 * Intervals follow the size of the fleet, and agents that are connected have to hear of it: those that joined a small fleet would
 * keep its pace. They are told one after the other, so that nothing happens on all hosts at once.
 */
export class SettingsRounds {
  readonly #stop = new AbortController()
  #running: Promise<void> | undefined

  constructor(
    private readonly options: {
      readonly sessions: OpenSessions
      readonly intervals: () => Intervals
      readonly everyMs?: number
      readonly perSecond?: number
      readonly random?: () => number
      readonly wait?: typeof pause
    },
  ) {}

  start(): void {
    this.#running = this.#loop()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #loop(): Promise<void> {
    const { signal } = this.#stop
    const { everyMs = defaultEveryMs, wait = pause } = this.options
    while (!signal.aborted) {
      await this.#round(signal)
      await wait(everyMs, signal)
    }
  }

  /** Those that are open as it begins: who comes later is told at its hello. */
  async #round(signal: AbortSignal): Promise<void> {
    const { sessions, intervals, perSecond = defaultPerSecond, random = Math.random, wait = pause } = this.options
    const present = intervals()
    for (const agentId of Array.from(sessions.keys())) {
      if (sessions.get(agentId)?.tellIntervals(present) !== true) continue
      await wait((1000 / perSecond) * (0.5 + random()), signal)
      if (signal.aborted) return
    }
  }
}

/** Whether the difference is worth a word; an agent that was told nothing yet waits for its welcome. */
export function areApart(told: Intervals | undefined, present: Intervals): boolean {
  if (told === undefined) return false
  return intervalNames.some((name) => Math.abs(told[name] - present[name]) >= told[name] * worthTelling)
}

const intervalNames = [
  'stateMs',
  'fastMs',
  'blockMs',
  'guestMemoryMs',
  'inventoryMs',
] as const satisfies readonly (keyof Intervals)[]
