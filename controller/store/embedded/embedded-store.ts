import { Worker } from 'node:worker_threads'

import type { Log } from '../../../common/log.js'
import { isField, type EntityKind } from '../measurements.js'
import type { Batch, EventQuery, RangeQuery, RangeResult, TimeSeries, TopQuery } from '../time-series.js'
import { encodePoints } from './batch-codec.js'
import { checkEventsAndMarks } from './invalid-batch.js'
import type { RangeCells, WorkerOptions } from './protocol.js'
import { WorkerLink, defaultLinkLimits, type LinkCounters, type LinkLimits } from './worker-link.js'

export interface EmbeddedStoreOptions {
  /** The SQLite file; `-wal` beside it belongs to it. Created with its directory if missing. */
  readonly path: string
  readonly log: Log
  readonly retention: { readonly rawMs: number; readonly maxBytes: number }
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** How often seals and retention are looked after. */
  readonly maintainEveryMs?: number
  readonly limits?: Partial<LinkLimits>
  readonly startWorker?: (options: WorkerOptions) => Worker
}

export interface EmbeddedStore extends TimeSeries {
  /** What was refused, late or lost since opening. */
  counters(): Readonly<LinkCounters>
}

/** Runs the compiled worker, or its source where this module is run from source. */
export function startStoreWorker(options: WorkerOptions): Worker {
  const fromSource = import.meta.url.endsWith('.ts')
  return new Worker(new URL(fromSource ? './worker-from-source.mjs' : './worker.js', import.meta.url), {
    workerData: options,
  })
}

/**
 * Opens the embedded store: SQLite in a worker thread. Rejects if the file cannot be opened, is damaged, in use, or of a newer
 * version. One process at a time can have it open.
 */
export async function openEmbeddedStore(options: EmbeddedStoreOptions): Promise<EmbeddedStore> {
  const { path, log, retention, now, maintainEveryMs = 5000, limits, startWorker = startStoreWorker } = options
  const workerOptions = { path, rawMs: retention.rawMs, maxBytes: retention.maxBytes }
  const link = new WorkerLink(() => startWorker(workerOptions), log, { ...defaultLinkLimits, ...limits })
  await link.open()
  link.maintain(now())
  const timer = setInterval(() => link.maintain(now()), maintainEveryMs)
  timer.unref()

  return {
    async write(batch: Batch) {
      checkEventsAndMarks(batch)
      const points = encodePoints(batch.points)
      const events = batch.events.map(({ at, hostId, vmUuid, vmName, kind, reason, message }) => {
        return { at, hostId, vmUuid, vmName, kind, reason, message }
      })
      const marks = batch.marks.map(({ spoolId, throughSeq }) => ({ spoolId, throughSeq }))
      await link.call({ op: 'write', points, events, marks })
    },

    async range(query: RangeQuery): Promise<RangeResult> {
      checkFields(query.entity.kind, query.fields)
      const { stepMs } = query
      if (!(Number.isFinite(stepMs) && stepMs >= 0)) throw new Error(`step must be 0 or more, got ${stepMs}`)
      const { result } = await link.call({ op: 'range', query: { ...query, ...windowOf(query) } })
      return { fields: query.fields, rows: rowsOf(result) }
    },

    async topN(query: TopQuery) {
      checkFields(query.kind, [query.field])
      const { rows } = await link.call({ op: 'top', query: { ...query, ...windowOf(query) } })
      return rows
    },

    async series({ kind }: { kind: EntityKind }) {
      const { series } = await link.call({ op: 'series', kind })
      return series
    },

    async events(query: EventQuery) {
      const { events } = await link.call({ op: 'events', query: { ...query, ...windowOf(query) } })
      return events
    },

    async marks() {
      const { marks } = await link.call({ op: 'marks' })
      return marks
    },

    async drop(beforeMs: number) {
      const { toMs } = windowOf({ fromMs: 0, toMs: beforeMs })
      const { points } = await link.call({ op: 'drop', beforeMs: toMs })
      return points
    },

    health: () => Promise.resolve(link.health()),

    async close() {
      clearInterval(timer)
      await link.close()
    },

    counters: () => ({ ...link.counters }),
  }
}

function checkFields(kind: EntityKind, fields: readonly string[]): void {
  for (const field of fields)
    if (!isField(kind, field)) throw new Error(`${kind} has no field ${JSON.stringify(field)}`)
}

const endOfTime = 300_000_000_000_000

/** Points have whole milliseconds: the window in whole numbers that holds the same ones. */
function windowOf({ fromMs, toMs }: { readonly fromMs: number; readonly toMs: number }): {
  fromMs: number
  toMs: number
} {
  if (Number.isNaN(fromMs) || Number.isNaN(toMs)) throw new Error('a time must be a number')
  const whole = (ms: number): number => Math.ceil(Math.min(Math.max(ms, 0), endOfTime))
  return { fromMs: whole(fromMs), toMs: whole(toMs) }
}

function rowsOf({ width, cells }: RangeCells): (number | null)[][] {
  const rows: (number | null)[][] = []
  for (let at = 0; at < cells.length; at += width) {
    rows.push(Array.from(cells.subarray(at, at + width), (value) => (Number.isNaN(value) ? null : value)))
  }
  return rows
}
