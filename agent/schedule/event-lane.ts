import { Backoff } from '../../common/backoff.js'
import { pause } from '../../common/lifecycle.js'
import type { Log } from '../../common/log.js'
import type { HypervisorEvent } from '../hypervisor/hypervisor.js'

export interface EventLaneOptions {
  readonly events: (signal: AbortSignal) => AsyncIterable<HypervisorEvent>
  /** Reports them; must not reject. The next ones wait until it is done. */
  readonly report: (events: readonly HypervisorEvent[]) => Promise<void>
  readonly signal: AbortSignal
  readonly log: Log
}

/** Events that come close together go in one report. */
const gatherMs = 50
/** The controller takes no more in one report. */
const mostInOneReport = 1024
/** While a report is stuck, the oldest of more than these are dropped and counted. */
const mostWaiting = 4096

/** Follows the events of one hypervisor and reports them in bunches. An error of the source does not end it. */
export class EventLane {
  readonly #waiting: HypervisorEvent[] = []
  #reporting: Promise<void> | undefined
  #dropped = 0

  constructor(private readonly options: EventLaneOptions) {}

  /** Events that came faster than they could be reported. */
  get dropped(): number {
    return this.#dropped
  }

  /** Runs until the signal aborts; what has been heard by then is still reported. */
  async run(): Promise<void> {
    const { events, signal, log } = this.options
    const backoff = new Backoff({ baseMs: 500, capMs: 30_000 })
    while (!signal.aborted) {
      try {
        for await (const event of events(signal)) {
          backoff.reset()
          this.#take(event)
        }
      } catch (error) {
        if (!signal.aborted) log.error({ err: error }, 'the events of the hypervisor broke off; following them again')
      }
      if (!signal.aborted) await pause(backoff.nextMs(), signal)
    }
    await this.#reporting
  }

  #take(event: HypervisorEvent): void {
    this.#waiting.push(event)
    if (this.#waiting.length > mostWaiting) {
      this.#waiting.shift()
      this.#dropped += 1
      if (this.#dropped === 1)
        this.options.log.warn('events come faster than they can be reported; the oldest are dropped')
    }
    this.#start()
  }

  #start(): void {
    this.#reporting ??= this.#report().finally(() => {
      this.#reporting = undefined
      // One may have come between the last look and now.
      if (this.#waiting.length > 0) this.#start()
    })
  }

  async #report(): Promise<void> {
    while (this.#waiting.length > 0) {
      await pause(gatherMs, this.options.signal)
      await this.options.report(this.#waiting.splice(0, mostInOneReport))
    }
  }
}
