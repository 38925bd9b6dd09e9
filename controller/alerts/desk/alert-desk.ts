import type { Registry } from 'prom-client'

import type { Log } from '../../../common/log.js'
import type { Alert, Message, Silence, SilenceMatch } from '../../model/alert.js'
import type { ChannelTrouble } from '../../model/circumstances.js'
import type { Finding } from '../../model/finding.js'
import type { StateStore } from '../../store/state-store.js'
import type { Kept } from '../alert-rows.js'
import type { Outcome } from '../channels/channel.js'
import { beat } from '../channels/heartbeat.js'
import type { Way } from '../channels/open-channels.js'
import { recipientsOf, targetId } from '../grouping.js'
import { acknowledge, addSilence, endSilence, findAlert } from '../people.js'
import { enqueue, withoutStale, type Queues } from '../queue.js'
import { withoutOldRefusals } from '../refusals.js'
import { addressesOf, type AlertSettings, type Route, type Target } from '../settings.js'
import { silencesInForce } from '../silencing.js'
import { step, type AlertState, type Step } from '../step.js'
import { worldOf, type WorldSources } from '../world.js'
import { AlertMetrics } from './alert-metrics.js'
import { AlertStore, type HistoryEntry, type HistoryQuery } from './alert-store.js'
import { Ledger } from './ledger.js'
import { Sender, type LaneState } from './sender.js'
import type { SpareNumber } from './spare-number.js'

/** The fleet at one moment, and what the checks say of it. */
export interface Looked extends WorldSources {
  readonly findings: readonly Finding[]
}

export interface AlertDeskOptions {
  readonly state: StateStore
  readonly spareNumber: SpareNumber
  readonly registry: Registry
  readonly log: Log
  readonly look: () => Looked
  /** In force now: the same object as long as nothing changes. */
  readonly settings: () => AlertSettings
  /** Opens the ways of the routes; they are opened anew when the routes change. */
  readonly openWays: (routes: readonly Route[]) => ReadonlyMap<string, Way>
  readonly now: () => number
  /** Milliseconds by a clock that nobody sets. */
  readonly monotonicMs: () => number
  readonly random: () => number
  /** Makes up ids that nobody guesses. */
  readonly newId: () => string
}

/** A target of a route, and how it does. */
export interface RouteState {
  readonly route: string
  readonly targets: readonly {
    readonly target: Target
    /** As people may see it: another one for each target of the route. */
    readonly to: string
    readonly waiting: number
    readonly lane: LaneState
  }[]
}

/** More time than this between two steps was not watched: it does not count into hold times. */
const mostWatchedMs = 30_000
/** Somebody waits for the outcome of a test. */
const testDeadlineMs = 8000
const nobody: LaneState = { lastSentAtMs: undefined, problem: '' }

/** Owner of all alerts: looks at the fleet, keeps what becomes of findings, and has people told. */
export class AlertDesk {
  readonly #metrics: AlertMetrics
  readonly #sender: Sender
  readonly #listeners = new Set<() => void>()
  #stepping: Promise<void> | undefined
  #steppedMs: number | undefined
  #troubles: readonly ChannelTrouble[] = []
  #beatMs = -Infinity
  #beating: Promise<void> | undefined
  #ways: { readonly routes: readonly Route[]; readonly byTarget: ReadonlyMap<string, Way> } = {
    routes: [],
    byTarget: new Map(),
  }

  private constructor(
    private readonly options: AlertDeskOptions,
    private readonly store: AlertStore,
    private readonly ledger: Ledger,
    metrics: AlertMetrics,
  ) {
    this.#metrics = metrics
    const { log, monotonicMs, random, now } = options
    this.#sender = new Sender({ ledger, metrics, log, monotonicMs, random, now })
  }

  /** Reads what was kept. Nothing is looked at or sent before the first step. */
  static async open(options: AlertDeskOptions): Promise<AlertDesk> {
    const { state, spareNumber, log, settings, newId, registry } = options
    const { store, kept: stored } = await AlertStore.open({
      state,
      log,
      history: () => settings().bounds.history,
      startId: newId().slice(0, 8),
    })
    const nextNumber = Math.max(stored.state.nextNumber, readSpare(spareNumber, stored.state.nextNumber, log))
    const kept = { ...stored, state: { ...stored.state, nextNumber } }
    const metrics = new AlertMetrics(registry, () => ledger.current)
    const ledger: Ledger = new Ledger(kept, store, spareNumber, metrics, log)
    return new AlertDesk(options, store, ledger, metrics)
  }

  /** Steps once more. A beat that finds the step before still under way is left out and counted. */
  beat(): void {
    if (this.#stepping !== undefined) this.#metrics.skipped()
    else void this.step()
  }

  /** Breaks off what is being sent: it stays in its queue. Resolves when all is durable. */
  async stop(): Promise<void> {
    await this.#stepping
    await this.#sender.stop()
    await this.#beating
    await this.ledger.finish()
    this.#closeWays()
  }

  /** Looks, decides, keeps, and begins to send what is due. Never rejects. */
  step(): Promise<void> {
    this.#stepping ??= this.#step()
      .then(() => this.#giveSign(this.options.settings()))
      .catch((error: unknown) => {
        this.#metrics.lookFailed()
        this.options.log.error({ err: error }, 'alerts stand still: a step failed')
      })
      .finally(() => {
        this.#stepping = undefined
        // What waits goes out, also while the checks fail.
        this.#sender.poll(this.#waysNow(), this.options.settings().bounds)
      })
    return this.#stepping
  }

  /** Resolves when nothing is being sent. */
  async idle(): Promise<void> {
    await this.#sender.idle()
    await this.#beating
  }

  /** All that pend or fire. */
  get alerts(): ReadonlyMap<string, Alert> {
    return this.ledger.current.state.alerts
  }

  /** Of that number, if it fires. */
  alert(number: number): Alert | undefined {
    return findAlert(this.ledger.current.state, number)
  }

  /** Calls back when alerts changed. Returns the unsubscribe. The listener must be quick and must not throw. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Undefined if no alert of that number fires. */
  async acknowledge(number: number, author: string, note: string): Promise<Alert | undefined> {
    const atMs = this.options.now()
    const alert = await this.ledger.change<Alert | undefined>((kept) => {
      const done = acknowledge(kept.state, number, { author, atMs, note })
      if (done === undefined) return { kept, result: undefined }
      return { kept: { ...kept, state: done.state }, transitions: [done.transition], result: done.alert }
    })
    if (alert !== undefined) this.#tell()
    return alert
  }

  /** In force, those of the policy file included. */
  silences(): readonly Silence[] {
    const { state } = this.ledger.current
    return silencesInForce(state.silences.values(), this.options.settings().silences, this.options.now())
  }

  /** Undefined if there are as many in force as there may be. */
  addSilence(match: SilenceMatch, forMs: number, author: string, reason: string): Promise<Silence | undefined> {
    const createdAtMs = this.options.now()
    const id = this.options.newId().slice(0, 8)
    const silence: Silence = { id, match, createdAtMs, untilMs: createdAtMs + forMs, author, reason }
    const most = this.options.settings().bounds.silences
    return this.#changeState((state) => addSilence(state, silence, createdAtMs, most), silence)
  }

  /** Undefined if no silence of that id is in force that people made. */
  endSilence(id: string): Promise<string | undefined> {
    const atMs = this.options.now()
    return this.#changeState((state) => endSilence(state, id, atMs), id)
  }

  history(query: HistoryQuery): Promise<{ readonly entries: readonly HistoryEntry[]; readonly hasMore: boolean }> {
    return this.store.find(query)
  }

  /** Every route of the settings. */
  routes(): readonly RouteState[] {
    const { queues } = this.ledger.current
    const inLanes = [...queues.values()].flat()
    return this.options.settings().routes.map(({ name, to: targets }) => ({
      route: name,
      targets: addressesOf(targets).map(({ target, to }) => {
        const id = targetId(name, target)
        const lanes = this.#sender.statesOf(id)
        const waiting = inLanes.filter(({ message }) => message.target === id).length
        return { target, to, waiting, lane: lanes.find(({ problem }) => problem !== '') ?? lanes[0] ?? nobody }
      }),
    }))
  }

  /** Targets that do not take what they are sent; the same object as long as nothing of it changes. */
  get troubles(): readonly ChannelTrouble[] {
    const troubles = this.routes().flatMap(({ route, targets }) =>
      targets.flatMap(({ target, to, waiting, lane: { problem } }): ChannelTrouble[] =>
        problem === '' ? [] : [{ route, kind: target.kind, to, problem, waiting }],
      ),
    )
    if (JSON.stringify(troubles) !== JSON.stringify(this.#troubles)) this.#troubles = troubles
    return this.#troubles
  }

  /** Sends a test by each target of a route at once, past the queues; undefined if there is no such route. */
  async test(
    name: string,
    owners: readonly string[],
  ): Promise<readonly { readonly target: Target; readonly to: string; readonly outcome: Outcome }[] | undefined> {
    const route = this.options.settings().routes.find((one) => one.name === name)
    if (route === undefined) return undefined
    const ways = this.#waysNow()
    return Promise.all(
      addressesOf(route.to).map(async ({ target, to }) => {
        const way = ways.get(targetId(name, target))
        const message = this.#testMessage(route, target, owners)
        if (way === undefined || message === undefined) {
          const reason = 'no recipient: its addresses stand for owners, and none was named'
          return { target, to, outcome: { status: 'rejected' as const, reason } }
        }
        const outcome = await this.#sender.attempt((signal) => way.channel.send(message, signal), testDeadlineMs)
        return { target, to, outcome }
      }),
    )
  }

  async #step(): Promise<void> {
    const { look, settings: settingsNow, now, monotonicMs } = this.options
    const settings = settingsNow()
    const beganMs = monotonicMs()
    const elapsedMs = this.#steppedMs === undefined ? 0 : beganMs - this.#steppedMs
    // Also if the look fails: then that time was not watched.
    this.#steppedMs = beganMs
    const looked = look()
    const tick = { atMs: now(), elapsedMs: Math.min(Math.max(0, elapsedMs), mostWatchedMs) }
    const ways = this.#waysNow()
    const before = this.ledger.current.state.alerts
    const done = await this.ledger.change<Step>((kept) => {
      const result = step(kept.state, looked.findings, worldOf(looked), settings, tick)
      this.#metrics.stepped(result, (monotonicMs() - beganMs) / 1000)
      const queues = this.#withMessages(kept.queues, result, settings, ways)
      const refusals = withoutOldRefusals(kept.refusals, result.state.clockMs, new Set(ways.keys()))
      return { kept: { state: result.state, queues, refusals }, transitions: result.transitions, result }
    })
    if (done.state.alerts.size > 0 || before.size > 0) this.#tell()
  }

  #withMessages(
    queues: Queues,
    { messages, state }: Step,
    { bounds }: AlertSettings,
    ways: ReadonlyMap<string, Way>,
  ): Queues {
    let next = queues
    for (const message of messages) {
      const queued = enqueue(next, message, state.clockMs, bounds)
      next = queued.queues
      this.#lost('dropped', queued.dropped)
    }
    const fresh = withoutStale(next, state.clockMs, new Set(ways.keys()), bounds)
    this.#lost('expired', fresh.expired)
    this.#lost('orphaned', fresh.orphaned)
    return fresh.queues
  }

  #lost(outcome: 'dropped' | 'expired' | 'orphaned', messages: number): void {
    if (messages === 0) return
    this.#metrics.message(outcome, messages)
    this.options.log.error({ messages, outcome }, 'messages about alerts were given up')
  }

  /** Only a desk that steps gives a sign of life: it is for the whole way, not for the process. */
  #giveSign({ heartbeat }: AlertSettings): void {
    const now = this.options.monotonicMs()
    if (heartbeat === undefined || this.#beating !== undefined || now - this.#beatMs < heartbeat.everyMs) return
    this.#beatMs = now
    this.#beating = this.#sender
      .attempt((signal) => beat(heartbeat, signal))
      .then((outcome) => {
        this.#metrics.heartbeat(outcome.status === 'sent' ? 'sent' : 'failed')
        if (outcome.status !== 'sent')
          this.options.log.warn({ reason: outcome.reason }, 'no sign of life could be given')
      })
      .finally(() => {
        this.#beating = undefined
      })
  }

  async #changeState<Result>(
    decide: (state: AlertState) => AlertState | undefined,
    result: Result,
  ): Promise<Result | undefined> {
    const done = await this.ledger.change<Result | undefined>((kept: Kept) => {
      const state = decide(kept.state)
      return state === undefined ? { kept, result: undefined } : { kept: { ...kept, state }, result }
    })
    if (done !== undefined) this.#tell()
    return done
  }

  #waysNow(): ReadonlyMap<string, Way> {
    const { routes } = this.options.settings()
    if (routes !== this.#ways.routes) {
      this.#closeWays()
      this.#ways = { routes, byTarget: this.options.openWays(routes) }
    }
    return this.#ways.byTarget
  }

  #closeWays(): void {
    for (const { channel } of this.#ways.byTarget.values()) channel.close()
  }

  #testMessage({ name }: Route, target: Target, owners: readonly string[]): Message | undefined {
    const recipients = target.kind === 'email' ? recipientsOf(target.to, owners) : []
    if (target.kind === 'email' && recipients.length === 0) return undefined
    const id = `${this.ledger.current.state.startId}-test-${this.options.newId().slice(0, 8)}`
    const about = { lane: '', target: targetId(name, target), route: name, group: {}, recipients }
    return {
      id,
      ...about,
      thread: id,
      atMs: this.options.now(),
      changes: [],
      leftOut: 0,
      firing: 0,
      isTest: true,
    }
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}

/** What was kept while the state could not be written. Without that the file is made, for then. */
function readSpare(spare: SpareNumber, nextNumber: number, log: Log): number {
  try {
    const found = spare.read()
    if (found === undefined) spare.keep(nextNumber)
    return found ?? nextNumber
  } catch (error) {
    log.warn({ err: error }, 'numbers of alerts cannot be kept beside the state')
    return nextNumber
  }
}
