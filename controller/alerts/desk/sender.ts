import { Backoff } from '../../../common/backoff.js'
import { withDeadline } from '../../../common/deadline.js'
import type { Log } from '../../../common/log.js'
import type { AlertSummary, Message } from '../../model/alert.js'
import type { Outcome } from '../channels/channel.js'
import type { Way } from '../channels/open-channels.js'
import type { Kept } from '../alert-rows.js'
import { firingOf } from '../dispatch.js'
import { targetId } from '../grouping.js'
import { ownLane, putOff, takeNext, withoutMessage, type Enqueued } from '../queue.js'
import { shownForMs, withoutRefusal, withRefusal, type Refusals } from '../refusals.js'
import type { AlertBounds } from '../settings.js'
import type { AlertMetrics } from './alert-metrics.js'
import type { Ledger } from './ledger.js'

interface SenderOptions {
  readonly ledger: Ledger
  readonly metrics: AlertMetrics
  readonly log: Log
  /** Milliseconds by a clock that nobody sets. */
  readonly monotonicMs: () => number
  readonly random: () => number
  readonly now: () => number
}

/** How a way does, for those who look at it. */
export interface LaneState {
  readonly lastSentAtMs: number | undefined
  /** Why the last try failed, or not all got it; empty if all is well. */
  readonly problem: string
}

interface Lane {
  readonly target: string
  readonly backoff: Backoff
  isSending: boolean
  notBeforeMs: number
  resendAtMs: number
  lastSentAtMs: number | undefined
  /** Why the last try failed and is made again, and when that was on the alerts' clock. */
  failure: { readonly reason: string; readonly clockMs: number } | undefined
}

const sendDeadlineMs = 15_000
/** Lanes of one target that are sent at the same time: mail to many owners goes through one server. */
const mostAtOnce = 4
const retry = { baseMs: 1000, capMs: 120_000 } as const

/**
 * Sends what waits, a message a lane at a time and the next at the next call at the earliest, and tries again what failed: the only place
 * where that is done. A message leaves its queue when the other side has it.
 */
export class Sender {
  readonly #lanes = new Map<string, Lane>()
  readonly #underWay = new Set<Promise<void>>()
  readonly #stop = new AbortController()

  constructor(private readonly options: SenderOptions) {}

  /** Begins to send whatever is due. Does not wait for it. */
  poll(ways: ReadonlyMap<string, Way>, bounds: AlertBounds): void {
    const { queues, state } = this.options.ledger.current
    const now = this.options.monotonicMs()
    for (const [lane, [first]] of queues) {
      const way = ways.get(first?.message.target ?? '')
      if (first === undefined || way === undefined) continue
      this.#beginIfDue(this.#lane(lane, first.message.target), lane, now, () => this.#sendNext(lane, way, bounds))
    }
    for (const [id, way] of ways) {
      // Alertmanager's lane is its target: it has no recipients.
      if (way.channel.resend === undefined || queues.has(id)) continue
      const lane = this.#lane(id, id)
      if (now < lane.resendAtMs) continue
      const firing = firingOf(state, state.alerts, id)
      if (firing.length > 0) this.#beginIfDue(lane, id, now, () => this.#resend(id, way, firing))
    }
    this.#forgetIdle(queues, ways, now)
  }

  /** How the lanes of a target did that were used since the start, or were refused something not long before. */
  statesOf(id: string): readonly LaneState[] {
    const { refusals, state } = this.options.ledger.current
    const used = [...this.#lanes].filter(([, { target }]) => target === id)
    const refused = [...refusals].filter(([name, { target }]) => target === id && !this.#lanes.has(name))
    return [
      ...used.map(([name, { lastSentAtMs, failure }]): LaneState => {
        // What is not tried any more says nothing of now after a while.
        const isLate = failure !== undefined && state.clockMs - failure.clockMs < shownForMs
        return { lastSentAtMs, problem: (isLate ? failure.reason : refusals.get(name)?.reason) ?? '' }
      }),
      ...refused.map(([, { reason }]): LaneState => ({ lastSentAtMs: undefined, problem: reason })),
    ]
  }

  /** Resolves when nothing is being sent. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
  }

  /** Breaks off what is being sent: it stays in its queue. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.idle()
  }

  /** One try with a deadline, for whoever sends. Never rejects. */
  async attempt(send: (signal: AbortSignal) => Promise<Outcome>, deadlineMs = sendDeadlineMs): Promise<Outcome> {
    try {
      return await withDeadline(deadlineMs, this.#stop.signal, send)
    } catch (error) {
      return { status: 'retry', reason: error instanceof Error ? error.message : String(error) }
    }
  }

  #lane(name: string, target: string): Lane {
    let lane = this.#lanes.get(name)
    if (lane === undefined) {
      lane = {
        target,
        backoff: new Backoff(retry, this.options.random),
        isSending: false,
        notBeforeMs: -Infinity,
        resendAtMs: -Infinity,
        lastSentAtMs: undefined,
        failure: undefined,
      }
      this.#lanes.set(name, lane)
    }
    return lane
  }

  #beginIfDue(lane: Lane, name: string, now: number, work: () => Promise<void>): void {
    if (lane.isSending || now < lane.notBeforeMs || this.#stop.signal.aborted) return
    const sending = [...this.#lanes.values()].filter(({ target, isSending }) => isSending && target === lane.target)
    if (sending.length >= mostAtOnce) return
    lane.isSending = true
    const running = work()
      .catch((error: unknown) => {
        this.options.log.error({ err: error, lane: name }, 'sending of alerts failed')
      })
      .finally(() => {
        lane.isSending = false
        this.#underWay.delete(running)
      })
    this.#underWay.add(running)
  }

  async #sendNext(name: string, way: Way, bounds: AlertBounds): Promise<void> {
    const { ledger, metrics } = this.options
    // From here on it may arrive: it must be the same should it be sent again.
    const message = await ledger.change((kept): { kept: Kept; result: Message | undefined } => {
      const taken = takeNext(kept.queues, name, bounds)
      return { kept: { ...kept, queues: this.#counted(taken) }, result: taken.message }
    })
    if (message === undefined) return
    const outcome = await this.attempt((signal) => way.channel.send(message, signal))
    const lane = this.#lane(name, message.target)
    this.#note(lane, way, outcome, message.id)
    if (outcome.status === 'retry') {
      metrics.message('retried')
      return
    }
    metrics.message(outcome.status === 'partly' ? 'sent' : outcome.status)
    lane.resendAtMs = this.#resendAt(way)
    const late = outcome.status === 'partly' ? outcome : undefined
    await ledger.change((kept) => {
      const queues =
        late === undefined
          ? withoutMessage(kept.queues, name, message.id)
          : this.#counted(putOff(kept.queues, name, message.id, late.recipients, bounds))
      return { kept: { ...kept, queues, refusals: this.#refusalsAfter(kept, name, way, outcome) }, result: undefined }
    })
    if (late === undefined) return
    for (const recipient of late.recipients) {
      metrics.message('retried')
      const own = this.#lane(ownLane(message.target, recipient), message.target)
      this.#note(own, way, { status: 'retry', reason: late.reason }, message.id)
    }
  }

  #counted({ queues, dropped }: Enqueued): Kept['queues'] {
    if (dropped > 0) {
      this.options.metrics.message('dropped', dropped)
      this.options.log.error({ messages: dropped, outcome: 'dropped' }, 'messages about alerts were given up')
    }
    return queues
  }

  async #resend(name: string, way: Way, firing: readonly AlertSummary[]): Promise<void> {
    const { resend } = way.channel
    if (resend === undefined) return
    const outcome = await this.attempt((signal) => resend.send(firing, signal))
    const lane = this.#lane(name, name)
    this.#note(lane, way, outcome, 'resend')
    if (outcome.status === 'retry') return
    lane.resendAtMs = this.#resendAt(way)
    const before = this.options.ledger.current
    if (this.#refusalsAfter(before, name, way, outcome) === before.refusals) return
    await this.options.ledger.change((kept) => {
      return { kept: { ...kept, refusals: this.#refusalsAfter(kept, name, way, outcome) }, result: undefined }
    })
  }

  #refusalsAfter({ refusals, state }: Kept, name: string, { target, route }: Way, outcome: Outcome): Refusals {
    const reason = outcome.status === 'rejected' ? outcome.reason : outcome.status === 'sent' ? outcome.note : undefined
    return reason === undefined || reason === ''
      ? withoutRefusal(refusals, name)
      : withRefusal(refusals, name, { target: targetId(route, target), reason, clockMs: state.clockMs })
  }

  #resendAt({ channel }: Way): number {
    return this.options.monotonicMs() + (channel.resend?.everyMs ?? Infinity)
  }

  #note(lane: Lane, { route, target }: Way, outcome: Outcome, id: string): void {
    const { log, monotonicMs, now } = this.options
    const about = { route, kind: target.kind, message: id }
    if (outcome.status === 'retry') {
      if (this.#stop.signal.aborted) return
      lane.notBeforeMs = monotonicMs() + Math.max(outcome.afterMs ?? 0, lane.backoff.nextMs())
      if (lane.failure === undefined)
        log.warn({ ...about, reason: outcome.reason }, 'alerts cannot be sent; trying again')
      lane.failure = { reason: outcome.reason, clockMs: this.options.ledger.current.state.clockMs }
      return
    }
    lane.backoff.reset()
    const hadFailed = lane.failure !== undefined
    lane.failure = undefined
    if (outcome.status === 'rejected') {
      log.error({ ...about, reason: outcome.reason }, 'a message about alerts was refused for good and is given up')
      return
    }
    const note = outcome.status === 'sent' ? (outcome.note ?? '') : ''
    if (hadFailed) log.info(about, 'alerts are sent again')
    if (note !== '') log.warn({ ...about, note }, 'alerts were not sent to all')
    lane.lastSentAtMs = now()
  }

  /** Lanes of owners come and go: one that nothing waits for, and that is no way of the settings, is made anew when it is needed. */
  #forgetIdle(queues: Kept['queues'], ways: ReadonlyMap<string, Way>, now: number): void {
    for (const [name, { isSending, notBeforeMs }] of this.#lanes) {
      if (!isSending && now >= notBeforeMs && !queues.has(name) && !ways.has(name) && this.#lanes.size > 1000) {
        this.#lanes.delete(name)
      }
    }
  }
}
