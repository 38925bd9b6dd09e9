import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

import type { Kept } from '../alert-rows.js'
import type { Step } from '../step.js'

const outcomes = ['sent', 'retried', 'rejected', 'dropped', 'expired', 'orphaned'] as const
export type MessageOutcome = (typeof outcomes)[number]

/** What the alerts' desk counts, for `/metrics`. */
export class AlertMetrics {
  readonly #messages: Counter<'outcome'>
  readonly #heartbeats: Counter<'outcome'>
  readonly #refused: Gauge<'what'>
  readonly #history: Counter
  readonly #saveFailures: Counter
  readonly #lookFailures: Counter
  readonly #skipped: Counter
  readonly #stepSeconds: Histogram

  constructor(registry: Registry, current: () => Kept) {
    const registers = [registry]
    this.#messages = new Counter({
      name: 'headroom_alert_messages_total',
      help: 'Messages about alerts by what came of them: sent; tried again; refused for good; dropped because too many waited; expired because they waited too long; orphaned because their route is gone',
      labelNames: ['outcome'],
      registers,
    })
    for (const outcome of outcomes) this.#messages.inc({ outcome }, 0)
    this.#heartbeats = new Counter({
      name: 'headroom_alert_heartbeats_total',
      help: 'Signs of life by what came of them',
      labelNames: ['outcome'],
      registers,
    })
    this.#refused = new Gauge({
      name: 'headroom_alerts_refused',
      help: 'Findings without an alert, and groups that nobody is told of, because there are as many as there may be',
      labelNames: ['what'],
      registers,
    })
    this.#history = new Counter({
      name: 'headroom_alert_history_dropped_total',
      help: 'Lines of the history of alerts that gave way to newer ones',
      registers,
    })
    this.#saveFailures = new Counter({
      name: 'headroom_alert_save_failures_total',
      help: 'Times that alerts could not be made durable; they go on in memory, and a restart may tell something twice',
      registers,
    })
    this.#lookFailures = new Counter({
      name: 'headroom_alert_look_failures_total',
      help: 'Times that the checks failed; alerts stood still',
      registers,
    })
    this.#skipped = new Counter({
      name: 'headroom_alert_steps_skipped_total',
      help: 'Steps that were left out because the one before was still under way',
      registers,
    })
    this.#stepSeconds = new Histogram({
      name: 'headroom_alert_step_seconds',
      help: 'Time that checks and alerts took in a step',
      buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
      registers,
    })
    const alerts: Gauge<'phase' | 'severity'> = new Gauge({
      name: 'headroom_alerts',
      help: 'Alerts that pend or fire',
      labelNames: ['phase', 'severity'],
      registers,
      collect: () => {
        alerts.reset()
        for (const { phase, severity } of current().state.alerts.values()) alerts.inc({ phase, severity })
      },
    })
    const waiting: Gauge = new Gauge({
      name: 'headroom_alert_messages_waiting',
      help: 'Messages about alerts that wait to be sent',
      registers,
      collect: () => waiting.set([...current().queues.values()].reduce((sum, lane) => sum + lane.length, 0)),
    })
    const oldest: Gauge = new Gauge({
      name: 'headroom_alert_oldest_message_seconds',
      help: 'How long the oldest of them has waited; 0 if none does',
      registers,
      collect: () => {
        const { queues, state } = current()
        const since = [...queues.values()].flat().map(({ queuedClockMs }) => queuedClockMs)
        oldest.set(since.length === 0 ? 0 : (state.clockMs - Math.min(...since)) / 1000)
      },
    })
  }

  message(outcome: MessageOutcome, count = 1): void {
    this.#messages.inc({ outcome }, count)
  }

  heartbeat(outcome: 'sent' | 'failed'): void {
    this.#heartbeats.inc({ outcome })
  }

  stepped({ refused }: Step, seconds: number): void {
    this.#refused.set({ what: 'alerts' }, refused.alerts)
    this.#refused.set({ what: 'groups' }, refused.groups)
    this.#stepSeconds.observe(seconds)
  }

  historyDropped(lines: number): void {
    this.#history.inc(lines)
  }

  saveFailed(): void {
    this.#saveFailures.inc()
  }

  lookFailed(): void {
    this.#lookFailures.inc()
  }

  skipped(): void {
    this.#skipped.inc()
  }
}
