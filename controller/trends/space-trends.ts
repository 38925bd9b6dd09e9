import { Counter, Gauge, type Registry } from 'prom-client'

import { withDeadline } from '../../common/deadline.js'
import type { Log } from '../../common/log.js'
import { isOfOneSize, spacePast, type SpacePast, type SpacePoint } from '../checks/space/space-trend.js'
import type { Snapshot } from '../model/snapshot.js'
import type { KnownTrends, SpaceTrends as TrendsById } from '../model/space-trend.js'
import type { RangeQuery, TimeSeries } from '../store/time-series.js'
import { fillingOn, type Filling } from './filling.js'
import { poolPast } from './pool-past.js'
import { RecentSpace } from './recent-space.js'

export interface SpaceTrendsOptions {
  readonly store: Pick<TimeSeries, 'range'>
  readonly snapshot: () => Pick<Snapshot, 'at' | 'hosts'>
  readonly registry: Registry
  readonly log: Log
  readonly now: () => number
  /** 0 to 1. */
  readonly random: () => number
}

const hourMs = 3_600_000
const pastMs = 7 * 24 * hourMs
const pointEveryMs = hourMs
/** A trend over hours and days changes little in an hour. */
const dueAfterMs = hourMs
/** After a first failure, and twice as long after each further one, up to an hour: until then nobody knows how it fills. */
const againAfterMs = 60_000
/** A third of a beat, so that a large fleet is known some minutes after a start; those that wait for their turn come first in the next round. */
const roundWithinMs = 20_000
const queryWithinMs = 10_000
/** The store is in trouble then; one file system alone may be. */
const mostFailures = 3

interface Looked {
  readonly atMs: number
  /** When it is to be looked at again. */
  readonly dueMs: number
  /** As large as it was then: one that was made larger since is looked at again at once. */
  readonly sizeBytes: number
  /** One after the other. */
  readonly failures: number
  /** What the store answered last; undefined: it never did. */
  readonly past: SpacePast | undefined
}

/**
 * Owner of the trends of all file systems and thin pools: reads their past from the store, a few at each beat, those not looked at for longest first; of the last
 * minutes it remembers them itself.
 */
export class SpaceTrends {
  readonly #looked = new Map<string, Looked>()
  readonly #recent = new RecentSpace()
  readonly #stop = new AbortController()
  readonly #queries: Counter<'outcome'>
  #current: TrendsById = new Map()
  #timer: NodeJS.Timeout | undefined
  #round: Promise<void> | undefined

  constructor(private readonly options: SpaceTrendsOptions) {
    const registers = [options.registry]
    this.#queries = new Counter({
      name: 'headroom_trend_queries_total',
      help: 'Questions to the store about how file systems and thin pools filled, by outcome',
      labelNames: ['outcome'],
      registers,
    })
    for (const outcome of ['answered', 'failed']) this.#queries.inc({ outcome }, 0)
    const known: Gauge = new Gauge({
      name: 'headroom_trends',
      help: 'File systems and thin pools of which it is known how they fill',
      registers,
      collect: () => known.set([...this.#current.values()].filter(({ trends }) => trends.length > 0).length),
    })
  }

  /** By `fileSystemId`; the same object as long as nothing is learnt. */
  get current(): TrendsById {
    return this.#current
  }

  /** Looks at each beat until it is stopped. A beat that finds the round before under way joins it. */
  start(everyMs: number): void {
    this.#timer = setInterval(() => void this.look(), everyMs)
  }

  /** What is being asked is not waited for. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#stop.abort(new Error('stopped'))
    await this.#round
  }

  /** One round. Never rejects. */
  look(): Promise<void> {
    this.#round ??= this.#lookAround().finally(() => {
      this.#round = undefined
    })
    return this.#round
  }

  async #lookAround(): Promise<void> {
    const snapshot = this.options.snapshot()
    this.#recent.look(snapshot)
    const filling = present(snapshot)
    for (const id of this.#looked.keys()) if (!filling.has(id)) this.#looked.delete(id)
    const nowMs = this.options.now()
    const lookedAt = (id: string): number => this.#looked.get(id)?.atMs ?? -Infinity
    const due = [...filling.values()]
      .filter((one) => isDue(this.#looked.get(one.id), one, nowMs))
      .toSorted((a, b) => lookedAt(a.id) - lookedAt(b.id))
    let failures = 0
    for (const one of due) {
      if (this.#stop.signal.aborted || failures >= mostFailures) break
      if (this.options.now() - nowMs >= roundWithinMs) break
      failures = (await this.#lookAt(one, nowMs)) ? 0 : failures + 1
    }
    this.#publish()
  }

  /** @returns whether the store answered; if not, what was known stays, and others have their turn first */
  async #lookAt(one: Filling, nowMs: number): Promise<boolean> {
    const { id, sizeBytes } = one
    try {
      const points = await this.#past(one, nowMs)
      this.#looked.set(id, { atMs: nowMs, dueMs: nowMs + dueAfterMs, sizeBytes, failures: 0, past: spacePast(points) })
      this.#queries.inc({ outcome: 'answered' })
      return true
    } catch (error) {
      if (this.#stop.signal.aborted) return false
      const before = this.#looked.get(id)
      const failures = (before?.failures ?? 0) + 1
      const waitMs = Math.min(dueAfterMs, againAfterMs * 2 ** (failures - 1)) * (0.5 + this.options.random() / 2)
      this.#looked.set(id, { atMs: nowMs, dueMs: nowMs + waitMs, sizeBytes, failures, past: before?.past })
      this.#queries.inc({ outcome: 'failed' })
      this.options.log.warn({ err: error, of: id }, 'how a file system or a thin pool filled could not be read')
      return false
    }
  }

  async #past({ id, kind, sizeBytes: sizeNow }: Filling, nowMs: number): Promise<readonly SpacePoint[]> {
    const isPool = kind === 'storage'
    const query: RangeQuery = {
      entity: { kind, id },
      fields: isPool ? ['sizeBytes', 'dataFraction'] : ['sizeBytes', 'availableBytes'],
      fromMs: nowMs - pastMs,
      toMs: nowMs,
      stepMs: pointEveryMs,
      // Also what is there for a part of an hour only.
      agg: isPool ? 'max' : 'min',
      tier: '1h',
    }
    const { rows } = await withDeadline(queryWithinMs, this.#stop.signal, (signal) =>
      Promise.race([this.options.store.range(query), abortOf(signal)]),
    )
    if (isPool) return poolPast(rows, sizeNow)
    return rows.flatMap(([atMs, sizeBytes, availableBytes]) =>
      typeof atMs === 'number' && typeof sizeBytes === 'number' && typeof availableBytes === 'number'
        ? [{ atMs, sizeBytes, availableBytes }]
        : [],
    )
  }

  #publish(): void {
    const known = new Map<string, KnownTrends>()
    for (const [id, { past }] of this.#looked) {
      if (past === undefined) continue
      const recent = this.#recent.trend(id, past.lowBytes)
      const trends = recent === undefined ? past.trends : [...past.trends, recent]
      const isRecentKnown = this.#recent.isKnown(id)
      const before = this.#current.get(id)
      const isSame = before?.trends === trends && before.isRecentKnown === isRecentKnown
      known.set(id, isSame ? before : { trends, isRecentKnown })
    }
    const isSame = known.size === this.#current.size && [...known].every(([id, one]) => this.#current.get(id) === one)
    if (!isSame) this.#current = known
  }
}

function present({ hosts }: Pick<Snapshot, 'hosts'>): ReadonlyMap<string, Filling> {
  return new Map([...hosts.values()].flatMap(fillingOn).map((one) => [one.id, one]))
}

function isDue(looked: Looked | undefined, one: Filling, nowMs: number): boolean {
  if (looked === undefined || nowMs >= looked.dueMs) return true
  // By a clock that was ahead.
  if (nowMs < looked.atMs) return true
  return looked.failures === 0 && !isOfOneSize(looked, one)
}

/** Rejects when the signal aborts: a store knows no signals, and its answer is of no use any more. */
function abortOf(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const abort = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error('stopped'))
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
}
