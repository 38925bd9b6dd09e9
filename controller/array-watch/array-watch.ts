import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

import type { Log } from '../../common/log.js'
import { arrayCacheStates, type ArrayCondition } from '../model/array-condition.js'
import { boxesOf } from '../checks/storage.js'
import type { ArrayEvent } from '../model/array-event.js'
import type { FleetReader } from '../fleet/fleet-reader.js'
import type { Policy } from '../model/policy.js'
import type { FleetEvent } from '../model/snapshot.js'
import type { WatchedArray } from '../model/watched-array.js'
import type { StateStore } from '../store/state-store.js'
import type { TimeSeries } from '../store/time-series.js'
import { ArrayModels } from './array-models.js'
import { arrayCachePoints } from './cache-points.js'
import { fleetEventsSince } from './fleet-events.js'
import { keptArraysOf, type KeptArray } from './kept-arrays.js'

interface ArrayWatchOptions {
  readonly fleet: Pick<FleetReader, 'snapshot'>
  readonly policy: () => Policy
  /** The beat of counters that agents are told now. */
  readonly fastMs: () => number
  readonly state: StateStore
  readonly store: Pick<TimeSeries, 'write'>
  readonly registry: Registry
  readonly log: Log
  readonly now: () => number
}

const storeEveryMs = 5000
const saveEveryMs = 600_000
/** In one transaction, which is over before the next look: the others come with the next ones. */
const mostSaved = 32
/** Events that wait for the store: more give way, the oldest first. */
const mostUnstored = 1000
/** After a start. */
const hostsComeBackMs = 30_000
/** What was learnt of an array that was not seen for so long is forgotten. */
const forgetAfterMs = 30 * 86_400_000

/**
 * Owner of the models of all write caches: steps them each second, keeps what they learnt in the state store, and what they say in the time
 * series. What cannot be stored is counted, and what comes later is tried anew.
 */
export class ArrayWatch {
  readonly #startedAt: number
  readonly #metrics: ReturnType<typeof watchMetrics>
  #storedAt = -Infinity
  #storing: Promise<void> | undefined
  /** The newest event that was told of each box, by its id. */
  readonly #told: Map<string, ArrayEvent | undefined>
  /** Events that are told and not stored yet, the newest last. */
  #unstored: readonly FleetEvent[] = []
  readonly #listeners = new Set<(events: readonly FleetEvent[]) => void>()
  /** Of what was saved last, by id of the box. */
  readonly #saved: Map<string, Saved>
  #saving: Promise<void> | undefined

  private constructor(
    private readonly options: ArrayWatchOptions,
    private readonly models: ArrayModels,
    kept: readonly KeptArray[],
    keys: readonly string[],
  ) {
    const atMs = options.now()
    this.#startedAt = atMs
    this.#told = new Map(kept.map(({ model, events }) => [model.boxId, events[0]]))
    const nothing: Saved = { overflows: -1, observedSeconds: -1, newestEventAt: undefined, atMs: -Infinity }
    this.#saved = new Map(keys.map((key) => [key, nothing]))
    for (const one of kept) this.#saved.set(one.model.boxId, savedOf(one, atMs))
    this.#metrics = watchMetrics(options.registry, models)
  }

  /** Reads what was learnt before. */
  static async open(options: ArrayWatchOptions): Promise<ArrayWatch> {
    const { state, log, now } = options
    const rows = await state.tx((tx) => tx.list('arrayModels'))
    let refused = 0
    const read = keptArraysOf(rows, (key, reason) => {
      refused += 1
      log.warn({ array: key, reason }, 'what was learnt of an array cannot be read: it is learnt anew')
    })
    const kept = read.filter(({ lastSeenAt }) => lastSeenAt >= now() - forgetAfterMs)
    const models = new ArrayModels(kept, (boxId, error) => {
      watch.#metrics.failures.inc({ of: 'step' })
      log.error({ err: error, array: boxId }, 'the model of an array failed: it is begun anew')
    })
    const watch = new ArrayWatch(
      options,
      models,
      kept,
      rows.map(({ key }) => key),
    )
    watch.#metrics.refused.inc(refused)
    return watch
  }

  /** By id of the box: the same object as long as nothing changes. */
  get watched(): ReadonlyMap<string, WatchedArray> {
    return this.models.watched
  }

  /**
   * What is known of a box now, for who decides what it is to bear. `not-yet`: hosts come back one after the other after a start, and until then
   * others seem to write less than they do. Undefined: it is not watched.
   */
  conditionOf(boxId: string): ArrayCondition | 'not-yet' | undefined {
    const sinceMs = this.options.now() - this.#startedAt
    if (sinceMs >= 0 && sinceMs < hostsComeBackMs) return 'not-yet'
    return this.watched.get(boxId)?.condition ?? (this.models.isKept(boxId) ? 'not-yet' : undefined)
  }

  /** Calls with what happened to write caches, until the function that is returned is called. */
  subscribe(listener: (events: readonly FleetEvent[]) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Resolves when what was learnt is kept, or could not be. */
  async stop(): Promise<void> {
    await this.#storing
    if (this.#unstored.length > 0) this.#store(this.options.now())
    await this.#storing
    await this.#saving
    while ((await this.#save(true)) > 0);
  }

  /** To be called each second. */
  look(): void {
    const { fleet, policy, fastMs, now, log } = this.options
    const at = now()
    const beganMs = performance.now()
    try {
      const stepped = this.models.look(fleet.snapshot(), policy(), at, fastMs())
      this.#metrics.steps.inc(stepped)
    } catch (error) {
      this.#metrics.failures.inc({ of: 'look' })
      log.error({ err: error }, 'the arrays could not be looked at')
    }
    this.#metrics.duration.observe((performance.now() - beganMs) / 1000)
    this.#tell()
    if (at - this.#storedAt >= storeEveryMs || at < this.#storedAt) this.#store(at)
    this.models.forgetBefore(at - forgetAfterMs)
    if (this.#saving === undefined) void this.#save(false)
  }

  /** Tells what happened since the look before. */
  #tell(): void {
    const boxOf = boxesOf(this.options.fleet.snapshot(), this.options.policy())
    const fresh: FleetEvent[] = []
    for (const [id, { events, arrayKeys }] of this.watched) {
      const [newest] = events
      const before = this.#told.get(id)
      if (newest === before) continue
      this.#told.set(id, newest)
      fresh.push(...fleetEventsSince(events, before, { id, name: boxOf(arrayKeys[0] ?? id).name }))
    }
    if (fresh.length === 0) return
    const all = [...this.#unstored, ...fresh]
    this.#metrics.droppedEvents.inc(Math.max(0, all.length - mostUnstored))
    this.#unstored = all.slice(-mostUnstored)
    for (const listener of this.#listeners) listener(fresh)
  }

  /** One at a time: figures that come while the store is slow are left out, events wait. */
  #store(at: number): void {
    if (this.#storing !== undefined) return
    this.#storedAt = at
    const points = arrayCachePoints(this.watched, this.options.fleet.snapshot(), this.options.policy(), at)
    const events = this.#unstored
    if (points.length + events.length === 0) return
    this.#storing = this.options.store
      .write({ points, events, marks: [] })
      .then(() => {
        const stored = new Set(events)
        this.#unstored = this.#unstored.filter((event) => !stored.has(event))
      })
      .catch((error: unknown) => {
        this.#metrics.failures.inc({ of: 'store' })
        this.options.log.warn({ err: error }, 'what arrays are like could not be stored')
      })
      .finally(() => {
        this.#storing = undefined
      })
  }

  /** What changed by enough since it was saved, or all that changed; the longest unsaved first. @returns how many of them */
  async #save(all: boolean): Promise<number> {
    const atMs = this.options.now()
    const kept = this.models.kept()
    const savedAt = ({ model }: KeptArray): number => this.#saved.get(model.boxId)?.atMs ?? -Infinity
    const changed = kept.filter(({ model, events }) => {
      const saved = this.#saved.get(model.boxId)
      if (saved === undefined) return true
      const { overflows, plateau } = model.belief
      const isChanged = overflows !== saved.overflows || model.observedSeconds !== saved.observedSeconds
      // While the cache is full it is still learnt from.
      const isOver = plateau === undefined && overflows !== saved.overflows
      // What happened is told after a restart too, however the program ended.
      if (events[0]?.at !== saved.newestEventAt) return true
      return isChanged && (all || isOver || atMs - saved.atMs >= saveEveryMs)
    })
    const put = changed.toSorted((a, b) => savedAt(a) - savedAt(b)).slice(0, mostSaved)
    const boxes = new Set(kept.map(({ model }) => model.boxId))
    const gone = [...this.#saved.keys()].filter((key) => !boxes.has(key)).slice(0, mostSaved)
    if (put.length + gone.length === 0) return 0
    this.#saving = this.options.state
      .tx(async (tx) => {
        for (const one of put) await tx.put('arrayModels', one.model.boxId, one)
        for (const key of gone) await tx.delete('arrayModels', key)
      })
      .catch((error: unknown) => {
        this.#metrics.failures.inc({ of: 'save' })
        this.options.log.warn({ err: error }, 'what was learnt of arrays could not be kept for the next start')
      })
      .finally(() => {
        this.#saving = undefined
      })
    // Whatever comes of it: it is tried again with the next change.
    for (const one of put) this.#saved.set(one.model.boxId, savedOf(one, atMs))
    for (const key of gone) {
      this.#saved.delete(key)
      this.#told.delete(key)
    }
    await this.#saving
    return put.length + gone.length
  }
}

/** Of a model that was saved: whether it has changed since follows from it. */
interface Saved {
  readonly overflows: number
  readonly observedSeconds: number
  readonly newestEventAt: number | undefined
  readonly atMs: number
}

function savedOf({ model: { belief, observedSeconds }, events }: KeptArray, atMs: number): Saved {
  return { overflows: belief.overflows, observedSeconds, newestEventAt: events[0]?.at, atMs }
}

function watchMetrics(registry: Registry, models: ArrayModels) {
  const registers = [registry]
  const states: Gauge<'state'> = new Gauge({
    name: 'headroom_arrays_watched',
    help: 'Boxes whose write cache is modelled, by what it does',
    labelNames: ['state'],
    registers,
    collect: () => {
      states.reset()
      for (const state of arrayCacheStates) states.set({ state }, 0)
      for (const { condition } of models.watched.values()) states.inc({ state: condition.state })
    },
  })
  const notWatched: Gauge = new Gauge({
    name: 'headroom_arrays_not_watched',
    help: 'Boxes that are not modelled because there are too many',
    registers,
    collect: () => notWatched.set(models.notWatched),
  })
  return {
    steps: new Counter({ name: 'headroom_array_steps_total', help: 'Steps of models of write caches', registers }),
    duration: new Histogram({
      name: 'headroom_array_look_seconds',
      help: 'Time that one look at all arrays takes',
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
      registers,
    }),
    failures: new Counter({
      name: 'headroom_array_watch_failures_total',
      help: 'Looks at arrays that failed, and times that what came of them could not be stored or kept',
      labelNames: ['of'],
      registers,
    }),
    droppedEvents: new Counter({
      name: 'headroom_array_events_dropped_total',
      help: 'Events of arrays that the history has not, because the store took none for too long',
      registers,
    }),
    refused: new Counter({
      name: 'headroom_array_models_refused_total',
      help: 'Remembered models of arrays that could not be read',
      registers,
    }),
  }
}
