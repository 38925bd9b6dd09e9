import { Backoff } from '../../common/backoff.js'
import { pause } from '../../common/lifecycle.js'
import type { Log } from '../../common/log.js'
import type { EventKind, HypervisorEvent, VmStateReason } from '../hypervisor/hypervisor.js'

export interface EventLaneOptions {
  readonly events: (signal: AbortSignal) => AsyncIterable<HypervisorEvent>
  /** Reports them; must not throw. */
  readonly report: (events: readonly HypervisorEvent[]) => void
  readonly signal: AbortSignal
  readonly log: Log
}

/** Events that come close together go in one report. */
const gatherMs = 50
/** The controller takes no more in one report. */
const mostInOneReport = 1024

const urgentKinds: ReadonlySet<EventKind> = new Set<EventKind>(['suspended'])
const urgentReasons: ReadonlySet<VmStateReason> = new Set<VmStateReason>(['migration', 'migrated', 'post-copy'])

/**
 * Follows the events of one hypervisor and reports them in bunches. An error of the source does not end it. What a VM that
 * migrates did last can be read for some tens of milliseconds after it was suspended: such events wait for no others.
 */
export class EventLane {
  #waiting: HypervisorEvent[] = []
  #gathering: NodeJS.Timeout | undefined
  #reportingNow: NodeJS.Immediate | undefined

  constructor(private readonly options: EventLaneOptions) {}

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
    this.#report()
  }

  #take(event: HypervisorEvent): void {
    this.#waiting.push(event)
    if (this.#waiting.length >= mostInOneReport) this.#report()
    // Those that were read in the same turn go with it, so that a storm of them is not a storm of reports.
    else if (isUrgent(event)) this.#reportingNow ??= setImmediate(() => this.#report())
    else this.#gathering ??= setTimeout(() => this.#report(), gatherMs)
  }

  #report(): void {
    clearTimeout(this.#gathering)
    clearImmediate(this.#reportingNow)
    this.#gathering = undefined
    this.#reportingNow = undefined
    const events = this.#waiting
    this.#waiting = []
    if (events.length > 0) this.options.report(events)
  }
}

function isUrgent({ kind, reason }: HypervisorEvent): boolean {
  return urgentKinds.has(kind) || urgentReasons.has(reason)
}
