import { setTimeout as delay } from 'node:timers/promises'

import { fieldNames } from '../measurements.js'
import { rowsByEntity, type RolledUp } from '../roll-ups.js'
import type { ProcessLook, Retention, Sink } from '../server/sink.js'
import { windowMs, type RollUpTier } from '../server/tier-plan.js'
import type { Batch, EntityKey, TimeSeries } from '../time-series.js'
import type { HistoryTarget, TooLate } from './target.js'

export interface ServerTargetOptions {
  /** The same server twice: behind its queue, and as such. */
  readonly to: Pick<TimeSeries, 'write' | 'health' | 'range'>
  readonly sink: Sink
  readonly retention: Retention
  readonly now: () => number
  /** Why the server takes nothing now; empty while it does. */
  readonly tell: (problem: string) => void
  readonly signal: AbortSignal
}

const mostWaitingPoints = 50_000
const rowsOfOneWrite = 2000
const pollMs = 200
const retryMs = 2000
const hourMs = windowMs['1h']

/**
 * A server that a history goes to: points and events through its durable queue, which has it compute the roll-ups of these points; roll-ups
 * as they are, where it has no points to compute them from.
 */
export class ServerTarget implements HistoryTarget {
  /** A server takes no points that are older than it keeps them. */
  readonly pointsFromMs: number
  #tooOld = 0
  #ownRollUps = 0
  /** Whether the server shows all that was written. */
  #isShown = false
  /** Without the queue, which looks after what goes through it. */
  #hasWrittenRollUps = false

  constructor(private readonly options: ServerTargetOptions) {
    const { now, retention } = options
    this.pointsFromMs = Math.ceil((now() - retention.raw) / hourMs) * hourMs + hourMs
  }

  async write({ points, events, marks }: Batch): Promise<void> {
    const young = points.filter(({ atMs }) => atMs >= this.pointsFromMs)
    this.#tooOld += points.length - young.length
    if (young.length > 0) this.#isShown = false
    await this.#queueBelow(mostWaitingPoints)
    await this.options.to.write({ points: young, events, marks })
  }

  async writeRollUps(tier: RollUpTier, rows: readonly RolledUp[]): Promise<void> {
    const old = rows.filter(({ startMs }) => startMs < this.pointsFromMs)
    const recent = rows.filter(({ startMs }) => startMs >= this.pointsFromMs)
    const wanted = [...old, ...(await this.#withoutPoints(recent))]
    this.#ownRollUps += rows.length - wanted.length
    this.#hasWrittenRollUps ||= wanted.length > 0
    for (let at = 0; at < wanted.length; at += rowsOfOneWrite)
      await this.#send(tier, wanted.slice(at, at + rowsOfOneWrite))
  }

  async kept<Result>(send: (isAgain: boolean) => Promise<Result>): Promise<Result> {
    const { durableAfterMs } = this.options.sink.traits
    for (let isAgain = false; ; isAgain = true) {
      const before = await this.#look()
      this.#hasWrittenRollUps = false
      const result = await send(isAgain)
      if (durableAfterMs === 0 || !this.#hasWrittenRollUps) return result
      await this.#pause(durableAfterMs)
      if (isSame(before, await this.#look())) return result
    }
  }

  async drained(): Promise<void> {
    await this.#queueBelow(0)
  }

  tooLate(): Promise<TooLate> {
    return Promise.resolve({ points: this.#tooOld, rollUps: this.#ownRollUps })
  }

  /** Resolves when the server shows what waits in the queue now. */
  async shown(): Promise<void> {
    const { queue } = await this.options.to.health()
    if ((queue?.waitingPoints ?? 0) === 0) return
    await this.drained()
    await this.#pause(this.options.sink.traits.settleMs)
  }

  /** Until the server has them. */
  async #send(tier: RollUpTier, rows: readonly RolledUp[]): Promise<void> {
    const { sink, signal, tell } = this.options
    for (;;) {
      signal.throwIfAborted()
      const outcome = await sink.writeRollUps(tier, rows)
      tell(outcome.is === 'failed' ? outcome.problem : (outcome.refused?.reason ?? ''))
      if (outcome.is === 'stored') return
      await this.#pause(retryMs)
    }
  }

  /** Of windows whose points the server may have: those of hours in which it has none. It computes the others by itself. */
  async #withoutPoints(rows: readonly RolledUp[]): Promise<RolledUp[]> {
    if (rows.length === 0) return []
    if (!this.#isShown) {
      await this.drained()
      await this.#pause(this.options.sink.traits.settleMs)
      this.#isShown = true
    }
    const wanted: RolledUp[] = []
    for (const { entity, rows: own } of rowsByEntity(rows)) {
      const hours = await this.#hoursWithPoints(entity, own)
      wanted.push(...own.filter(({ startMs }) => !hours.has(hourOf(startMs))))
    }
    return wanted
  }

  async #hoursWithPoints(entity: EntityKey, rows: readonly RolledUp[]): Promise<ReadonlySet<number>> {
    const starts = rows.map(({ startMs }) => startMs)
    const query = {
      entity,
      fields: fieldNames(entity.kind),
      fromMs: hourOf(Math.min(...starts)),
      toMs: hourOf(Math.max(...starts)) + hourMs,
      stepMs: hourMs,
      agg: 'last',
      tier: 'raw',
    } as const
    const { rows: known } = await this.#answered(() => this.options.to.range(query))
    return new Set(known.map(([startMs]) => startMs ?? NaN))
  }

  async #queueBelow(most: number): Promise<void> {
    const { to, signal, tell } = this.options
    for (;;) {
      signal.throwIfAborted()
      const { queue, problem } = await to.health()
      tell(problem)
      if ((queue?.waitingPoints ?? 0) <= most) return
      await this.#pause(pollMs)
    }
  }

  /** Waits for a server that is away. */
  async #answered<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    const { signal, tell } = this.options
    for (;;) {
      signal.throwIfAborted()
      try {
        const answer = await ask()
        tell('')
        return answer
      } catch (error) {
        tell(error instanceof Error ? error.message : String(error))
      }
      await this.#pause(retryMs)
    }
  }

  /** The server's processes, when all of them answer and are old enough to be told from others. */
  async #look(): Promise<ReadonlyMap<string, ProcessLook>> {
    for (;;) {
      const look = await this.#answered(() => this.options.sink.look())
      const isOld = [...look.processes.values()].every(({ isYoung }) => !isYoung)
      if (look.isComplete && look.isClear && isOld) return look.processes
      await this.#pause(pollMs)
    }
  }

  #pause(ms: number): Promise<void> {
    return delay(ms, undefined, { signal: this.options.signal })
  }
}

function hourOf(atMs: number): number {
  return Math.floor(atMs / hourMs) * hourMs
}

function isSame(before: ReadonlyMap<string, ProcessLook>, after: ReadonlyMap<string, ProcessLook>): boolean {
  return [...before].every(([url, { startedAt }]) => after.get(url)?.startedAt === startedAt)
}
