import { LimitedLog } from '../../common/limited-log.js'
import type { Log } from '../../common/log.js'
import { addressOf, sourceOf } from '../../common/peer-address.js'
import type { RefusalReason } from '../../common/refusal-reasons.js'
import type { ConnectionRefusal } from './connection-limits.js'
import type { FieldCheck } from './field-check.js'
import type { IngestMetrics } from './ingest-metrics.js'

/** Why a message is not taken in at all: a label of a counter. */
export type MessageRefusal = 'too-large' | 'malformed' | 'too-many-parts'

/** Who said something. */
export interface Speaker {
  readonly peer: string
  readonly agentId?: string
}

/** Lines of one reason and address, or agent, in a minute. */
const lines = { most: 5, windowMs: 60_000, mostKeys: 10_000 } as const
/** What an agent says wrongly it says at every beat. */
const fieldLines = { most: 3, windowMs: 600_000, mostKeys: 10_000 } as const

/** Everything that is refused, cleaned or slowed down leaves a count, and a line in the log with the peer, of which few are written. */
export class RefusalNotes {
  readonly #log: LimitedLog
  readonly #fieldLog: LimitedLog

  constructor(
    private readonly metrics: IngestMetrics,
    log: Log,
    /** By a clock that nobody sets: a wrong one would write no line for long, or each. */
    private readonly monotonicMs: () => number,
  ) {
    this.#log = new LimitedLog(log, lines)
    this.#fieldLog = new LimitedLog(log, fieldLines)
  }

  connection(reason: ConnectionRefusal, peer: string): void {
    this.metrics.refusedConnections.inc({ reason })
    this.#log.warn(
      `${reason} ${sourceOf(addressOf(peer))}`,
      this.monotonicMs(),
      { reason, peer },
      'connection refused or ended',
    )
  }

  call(reason: RefusalReason | 'no-hello' | 'too-many-spools', who: Speaker): void {
    this.metrics.refusedConnections.inc({ reason })
    const key = `${reason} ${who.agentId ?? sourceOf(addressOf(who.peer))}`
    this.#log.warn(key, this.monotonicMs(), { reason, ...who }, 'call of an agent refused')
  }

  /** An agent names hosts that it may not speak for. */
  hosts(hostIds: readonly string[], who: Speaker): void {
    this.metrics.refusedConnections.inc({ reason: 'host-not-granted' }, hostIds.length)
    const key = `host-not-granted ${who.agentId}`
    this.#log.warn(key, this.monotonicMs(), { hostIds, ...who }, 'agent may not speak for these hosts')
  }

  /** The store has lost reports that were acked. */
  missingReports(count: number, who: Speaker): void {
    this.metrics.missingReports.inc(count)
    const key = `missing-reports ${who.agentId}`
    this.#log.warn(key, this.monotonicMs(), { count, ...who }, 'reports that were acked before are not in the store')
  }

  message(reason: MessageRefusal, who: Speaker): void {
    this.metrics.refusedMessages.inc({ reason })
    const key = `${reason} ${who.agentId ?? sourceOf(addressOf(who.peer))}`
    this.#log.warn(key, this.monotonicMs(), { reason, ...who }, 'message of an agent refused')
  }

  /** Counts what a check refused or cleaned in one message. */
  fields({ refused }: FieldCheck, who: Speaker): void {
    if (refused.size === 0) return
    for (const [field, count] of refused) this.metrics.refusedFields.inc({ field }, count)
    const fields = Object.fromEntries(refused)
    const [first] = refused.keys()
    this.#fieldLog.warn(
      `${first} ${who.agentId ?? sourceOf(addressOf(who.peer))}`,
      this.monotonicMs(),
      { fields, ...who },
      'fields of an agent refused or cleaned',
    )
  }

  /** More VMs, disks and the like than an agent may tell of, or more new ones than there can be. */
  entities(refused: number, who: Speaker): void {
    this.metrics.refusedEntities.inc(refused)
    this.#fieldLog.warn(
      `entities ${who.agentId}`,
      this.monotonicMs(),
      { refused, ...who },
      'agent tells of more new things than it may: left out',
    )
  }

  /** More events than an agent may tell of. */
  events(refused: number, who: Speaker): void {
    this.metrics.refusedEvents.inc(refused)
    this.#fieldLog.warn(
      `events ${who.agentId}`,
      this.monotonicMs(),
      { refused, ...who },
      'agent tells of more events than it may: left out',
    )
  }

  /** An agent says more than it may; it is not read for so long. */
  slowed(waitMs: number, who: Speaker): void {
    this.metrics.slowedMessages.inc()
    this.metrics.slowedSeconds.inc(waitMs / 1000)
    this.#fieldLog.warn(
      `slowed ${who.agentId}`,
      this.monotonicMs(),
      { waitMs, ...who },
      'agent says more than it may: it is read more slowly',
    )
  }
}
