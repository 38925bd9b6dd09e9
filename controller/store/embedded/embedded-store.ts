import { open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Worker } from 'node:worker_threads'

import { syncDirectory } from '../../../common/durable-file.js'
import type { Log } from '../../../common/log.js'
import { entityKinds, type EntityKind } from '../measurements.js'
import type { RollUpHistory, RollUpQuery } from '../roll-ups.js'
import { checkFields, checkStep, wholeWindow } from '../query-check.js'
import type {
  Batch,
  EventQuery,
  ExportQuery,
  Point,
  RangeQuery,
  RangeResult,
  Tier,
  TimeSeries,
  TopQuery,
} from '../time-series.js'
import type { BackupProgress } from './backup.js'
import { decodePoints, encodePoints } from './batch-codec.js'
import { checkEventsAndMarks } from './invalid-batch.js'
import type { Answer, ExportPieceQuery, RangeCells, WorkerOptions } from './protocol.js'
import { decodeRollUps, encodeRollUps } from './roll-up-codec.js'
import type { RollUpGroup } from './roll-up-import.js'
import { WorkerLink, defaultLinkLimits, type LinkCounters, type LinkLimits } from './worker-link.js'

export interface EmbeddedRetention {
  /** How long points are kept. */
  readonly rawMs: number
  /** How long roll-ups of five minutes and of an hour are kept; 180 days and 5 years if absent, and at least as long as points. */
  readonly fiveMinutesMs?: number
  readonly hoursMs?: number
  /** Ceiling of the file's size: above it the oldest goes before its time, and is counted. */
  readonly maxBytes: number
}

const dayMs = 86_400_000
export const defaultFiveMinutesMs = 180 * dayMs
export const defaultHoursMs = 5 * 365 * dayMs

export interface EmbeddedStoreOptions {
  /** The SQLite file; `-wal` beside it belongs to it. Created with its directory if missing. */
  readonly path: string
  readonly log: Log
  readonly retention: EmbeddedRetention
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** How often seals and retention are looked after. */
  readonly maintainEveryMs?: number
  readonly limits?: Partial<LinkLimits>
  readonly startWorker?: (options: WorkerOptions) => Worker
}

export interface EmbeddedStore extends TimeSeries, RollUpHistory {
  /**
   * Takes roll-ups that were made elsewhere, of hours that it knows nothing of, and gives the number of rows that were; durable when it
   * resolves. These hours take no points afterwards.
   */
  putRollUps(groups: readonly RollUpGroup[]): Promise<number>
  /**
   * Writes all that is durable into one new file while the store goes on; resolves when that is durable itself. Rejects if it cannot, and
   * leaves no file then.
   */
  backUp(path: string): Promise<void>
  /** Of the backup that runs. */
  backupProgress(): BackupProgress
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
  const workerOptions = { path, tierMs: tierMsOf(retention), maxBytes: retention.maxBytes }
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
      checkStep(query.stepMs)
      const { result } = await link.call({ op: 'range', query: { ...query, ...wholeWindow(query) } })
      return { fields: query.fields, rows: rowsOf(result) }
    },

    async topN(query: TopQuery) {
      checkFields(query.kind, [query.field])
      const { rows } = await link.call({ op: 'top', query: { ...query, ...wholeWindow(query) } })
      return rows
    },

    async series({ kind }: { kind: EntityKind }) {
      const { series } = await link.call({ op: 'series', kind })
      return series
    },

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
      const { points } = await link.call({ op: 'drop', beforeMs: toMs, tier })
      return points
    },

    async *export({ kind, ids, signal, ...window }: ExportQuery) {
      const query = { kind, ...(ids === undefined ? {} : { ids }), ...wholeWindow(window) }
      let after: ExportPieceQuery['after'] | undefined = { id: '', atMs: -1 }
      while (after !== undefined) {
        signal?.throwIfAborted()
        const { points, next }: Extract<Answer, { op: 'export' }> = await link.call({
          op: 'export',
          query: { ...query, after },
        })
        const piece = pointsOf(points)
        if (piece.length > 0) yield piece
        after = next
      }
    },

    async rollUps(query: RollUpQuery) {
      const { cells } = await link.call({ op: 'rollUps', query: { ...query, ...wholeWindow(query) } })
      return decodeRollUps(query.entity.kind, cells)
    },

    async putRollUps(groups: readonly RollUpGroup[]) {
      const packed = groups.map(({ entity, tier, rows: own }) => {
        return { entity, tier, cells: encodeRollUps(entity.kind, own) }
      })
      const { rows } = await link.call({ op: 'putRollUps', groups: packed })
      return rows
    },

    async backUp(path: string) {
      try {
        await link.call({ op: 'backup', path })
        await syncFile(path)
      } catch (error) {
        await rm(path, { force: true })
        throw error
      }
    },

    backupProgress: () => link.backupProgress,

    health: () => Promise.resolve(link.health()),

    async close() {
      clearInterval(timer)
      await link.close()
    },

    counters: () => ({ ...link.counters }),
  }
}

/** Not in the worker, which would keep everybody waiting. */
async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
  await syncDirectory(dirname(path))
}

function tierMsOf({ rawMs, fiveMinutesMs, hoursMs }: EmbeddedRetention): Record<Tier, number> {
  const fineMs = Math.max(rawMs, fiveMinutesMs ?? defaultFiveMinutesMs)
  return { raw: rawMs, '5m': fineMs, '1h': Math.max(fineMs, hoursMs ?? defaultHoursMs) }
}

function rowsOf({ width, cells }: RangeCells): (number | null)[][] {
  const rows: (number | null)[][] = []
  for (let at = 0; at < cells.length; at += width) {
    const row: (number | null)[] = []
    for (let index = at; index < at + width; index += 1) row.push(nullIfNone(cells[index]))
    rows.push(row)
  }
  return rows
}

function nullIfNone(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value
}

/** Points as they were encoded for the way between threads. */
function pointsOf(bytes: Uint8Array): Point[] {
  const names: string[] = []
  const decoded = decodePoints(bytes, (_kind, name) => names.push(name) - 1)
  return decoded.flatMap(({ kind, id, atMs, fields, values }) => {
    const known = entityKinds.find((one) => one === kind)
    if (known === undefined) return []
    const named = fields.map((field, index) => [names[field] ?? '', values[index] ?? NaN] as const)
    return [{ entity: { kind: known, id }, atMs, fields: Object.fromEntries(named) }]
  })
}
