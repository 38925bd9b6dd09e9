import { Worker } from 'node:worker_threads'

import type { Log } from '../../../common/log.js'
import { checkEventsAndMarks } from '../embedded/invalid-batch.js'
import { WorkerLink, defaultLinkLimits, type LinkLimits } from '../embedded/worker-link.js'
import { exportByRange } from '../export-by-range.js'
import { fieldNames, type EntityKind } from '../measurements.js'
import type { RollUpHistory, RollUpQuery } from '../roll-ups.js'
import { checkFields, checkStep, wholeWindow } from '../query-check.js'
import type { Batch, EventQuery, QueueHealth, RangeQuery, Tier, TimeSeries, TopQuery } from '../time-series.js'
import { encodeQueued } from './queued-batch.js'
import { openReader } from './open-sink.js'
import { rangeOf, reachOf, topOf } from './server-queries.js'
import { stats, type Summary } from './summary.js'
import { wholeWindows, type Reach } from './tier-plan.js'
import type { ServerWorkerOptions } from './worker-options.js'

export interface ServerStoreOptions extends ServerWorkerOptions {
  readonly log: Log
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** How often bounds and events are looked after. */
  readonly maintainEveryMs?: number
  readonly limits?: Partial<LinkLimits>
}

export interface ServerStore extends TimeSeries, RollUpHistory {}

const nothingDirty = { '5m': Infinity, '1h': Infinity }

/**
 * Opens a store that is a server, behind a queue of its own on disk. What is written is durable in the queue; the server gets it when it
 * answers. Events and marks stay beside the queue. Questions go to the server at once, and fail while it is away. Rejects if the
 * queue's file cannot be opened; a server that is not there is none of its troubles.
 */
export async function openServerStore(options: ServerStoreOptions): Promise<ServerStore> {
  const { path, bounds, server, log, now, maintainEveryMs = 5000, limits } = options
  const link = new WorkerLink(() => startServerWorker({ path, bounds, server }), log, {
    ...defaultLinkLimits,
    ...limits,
  })
  await link.open()
  const reader = openReader(server, now)
  const losses = new Losses(log)
  const maintain = (): void => {
    link.maintain(now())
    losses.look(link.health().queue)
  }
  maintain()
  const timer = setInterval(maintain, maintainEveryMs)
  timer.unref()

  const reach = (): Reach => reachOf(server.retention, link.health().queue?.wholeBeforeMs ?? nothingDirty, now())

  const store: ServerStore = {
    async write(batch: Batch) {
      checkEventsAndMarks(batch)
      const points = encodeQueued(batch.points, batch.events)
      const events = batch.events.map(({ at, hostId, vmUuid, vmName, kind, reason, message }) => {
        return { at, hostId, vmUuid, vmName, kind, reason, message }
      })
      const marks = batch.marks.map(({ spoolId, throughSeq }) => ({ spoolId, throughSeq }))
      await link.call({ op: 'write', points, events, marks })
    },

    async range(query: RangeQuery) {
      checkFields(query.entity.kind, query.fields)
      checkStep(query.stepMs)
      return rangeOf(reader, { ...query, ...wholeWindow(query) }, reach())
    },

    async topN(query: TopQuery) {
      checkFields(query.kind, [query.field])
      return topOf(reader, { ...query, ...wholeWindow(query) }, reach())
    },

    series: ({ kind, tier = 'raw' }: { kind: EntityKind; tier?: Tier }) => reader.series(kind, tier),

    async events(query: EventQuery) {
      const { events } = await link.call({ op: 'events', query: { ...query, ...wholeWindow(query) } })
      return events
    },

    async marks() {
      const { marks } = await link.call({ op: 'marks' })
      return marks
    },

    async drop(beforeMs: number, tier: Tier = 'raw') {
      const { toMs } = wholeWindow({ fromMs: 0, toMs: beforeMs })
      const points = await reader.drop(toMs, tier)
      await link.call({ op: 'drop', beforeMs: toMs, tier })
      return points
    },

    export: (query) => exportByRange(store, query),

    async rollUps({ entity, tier, ...window }: RollUpQuery) {
      const fields = fieldNames(entity.kind)
      const { fromMs, toMs } = wholeWindow(window)
      const windows = await reader.windows(entity, fields, stats, tier, wholeWindows(tier, fromMs, toMs))
      return windows.map(({ startMs, summaries }) => ({ startMs, fields: named(fields, summaries) }))
    },

    health: () => Promise.resolve(link.health()),

    async close() {
      clearInterval(timer)
      reader.close()
      await link.close()
    },
  }
  return store
}

function named(names: readonly string[], summaries: readonly (Summary | undefined)[]): Record<string, Summary> {
  const fields: Record<string, Summary> = {}
  for (const [index, name] of names.entries()) {
    const summary = summaries[index]
    if (summary !== undefined) fields[name] = summary
  }
  return fields
}

/** Runs the compiled worker, or its source where this module is run from source. */
function startServerWorker(options: ServerWorkerOptions): Worker {
  const fromSource = import.meta.url.endsWith('.ts')
  return new Worker(new URL(fromSource ? './worker-from-source.mjs' : './worker.js', import.meta.url), {
    workerData: options,
  })
}

/** Says in the log what is lost, when it grows. */
class Losses {
  #dropped = 0
  #refused = 0

  constructor(private readonly log: Log) {}

  look(queue: QueueHealth | undefined): void {
    if (queue === undefined) return
    const { droppedPoints, refusedPoints, lastRefusal, waitingPoints } = queue
    if (droppedPoints > this.#dropped) {
      this.log.error(
        { points: droppedPoints - this.#dropped, waitingPoints },
        'the queue of the store is full: its oldest points are given up',
      )
    }
    if (refusedPoints > this.#refused) {
      this.log.error(
        { points: refusedPoints - this.#refused, reason: lastRefusal },
        'the server of the store refused points',
      )
    }
    this.#dropped = droppedPoints
    this.#refused = refusedPoints
  }
}
