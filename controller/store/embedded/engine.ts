import { statSync } from 'node:fs'

import type { StoreHealth } from '../time-series.js'
import { decodePoints, type DecodedPoint } from './batch-codec.js'
import { ChunkTable } from './chunk-table.js'
import { bucketOf } from './column-block.js'
import { Counters } from './counters.js'
import { type SqlDatabase, numberAt } from './database.js'
import { EventTable } from './event-table.js'
import { MarkTable } from './mark-table.js'
import type { Answer, ReadBody, WorkerOptions, WriteBody } from './protocol.js'
import { range, seriesInfos, top, type QueryParts } from './queries.js'
import { dropBefore, retain, type RetentionParts } from './retention.js'
import { closeSeriesDatabase, FieldDictionary, openSeriesDatabase } from './schema.js'
import { sealAll, sealHeads } from './seal.js'
import { SeriesRegistry } from './series-registry.js'
import { packTick, TickLog, type Tick } from './tick-log.js'

/** About 32 MB of head. */
const maxHeadCells = 4_000_000
const maxTickBytes = 256 * 2 ** 20
/** An hour is sealed once its points cannot be much late any more, and not more often than this. */
const settleMs = 90_000
const sealEveryMs = 600_000

/** The store inside the worker: one file, synchronous, one caller. Work that takes long comes as generators of short slices. */
export class Engine {
  readonly #db: SqlDatabase
  readonly #counters: Counters
  readonly #parts: RetentionParts & QueryParts
  readonly #marks: MarkTable
  #oldestMs: number | undefined
  #writeProblem = ''
  #jobProblem = ''
  #sealedAtMs = -Infinity
  #size = { points: 0, sizeBytes: 0 }

  /** @throws SqlError: see openSeriesDatabase; Error if a batch in the log is damaged */
  constructor(
    private readonly options: WorkerOptions,
    elapsedMs: () => number,
  ) {
    const db = openSeriesDatabase(options.path)
    try {
      const fields = new FieldDictionary(db)
      const chunks = new ChunkTable(db, fields.allIds)
      const registry = new SeriesRegistry(db, (rowId) => chunks.seriesBounds(rowId)?.to ?? -Infinity)
      const counters = new Counters(db)
      const events = new EventTable(db, counters)
      this.#db = db
      this.#counters = counters
      this.#parts = { db, registry, chunks, counters, events, fields, ticks: new TickLog(db), elapsedMs }
      this.#marks = new MarkTable(db)
      this.#replay()
    } catch (error) {
      closeSeriesDatabase(db)
      throw error
    }
  }

  /** The heads have grown large enough to be sealed out of turn; not if sealing fails. */
  get wantsSeal(): boolean {
    return this.#parts.registry.headCells > maxHeadCells && this.#jobProblem === ''
  }

  /** Points come faster than they are sealed: seal before taking more. */
  get overfull(): boolean {
    return this.#parts.registry.headCells > 2 * maxHeadCells
  }

  /**
   * Makes the batches durable in one transaction: all or, with an error, none. A batch whose marks all are stored already is a
   * duplicate and changes nothing.
   * @throws SqlError, or Error if a batch is not what encodePoints makes
   */
  commit(batches: readonly WriteBody[]): void {
    const marks = new Map<string, number>()
    const points: DecodedPoint[] = []
    const ticks: Tick[] = []
    const fresh: WriteBody[] = []
    for (const batch of batches) {
      const through = ({ spoolId }: { spoolId: string }): number => marks.get(spoolId) ?? this.#marks.through(spoolId)
      if (batch.marks.length > 0 && batch.marks.every((mark) => mark.throughSeq <= through(mark))) continue
      for (const mark of batch.marks) marks.set(mark.spoolId, Math.max(mark.throughSeq, through(mark)))
      const decoded = decodePoints(batch.points, (kind, name) => this.#parts.fields.idOf(kind, name))
      if (decoded.length > 0) ticks.push(packTick(batch.points))
      for (const point of decoded) points.push(point)
      fresh.push(batch)
    }
    if (fresh.length === 0) return
    try {
      this.#refuseOverflow()
      this.#db.transaction(() => {
        for (const tick of ticks) this.#parts.ticks.append(tick)
        for (const { events } of fresh) this.#parts.events.add(events)
        for (const [spoolId, throughSeq] of marks) this.#marks.put({ spoolId, throughSeq })
      })
      this.#writeProblem = ''
    } catch (error) {
      this.#writeProblem = messageOf(error)
      throw error
    }
    this.#marks.committed(marks)
    this.#parts.ticks.committed(ticks)
    this.#put(points)
  }

  /** Answers a question. @throws Error */
  read(body: Exclude<ReadBody, { op: 'drop' }>): Answer {
    switch (body.op) {
      case 'range':
        return { op: 'range', result: range(this.#parts, body.query) }
      case 'top':
        return { op: 'top', rows: top(this.#parts, body.query) }
      case 'series':
        return { op: 'series', series: seriesInfos(this.#parts, body.kind) }
      case 'events':
        return { op: 'events', events: this.#parts.events.query(body.query) }
      case 'marks':
        return { op: 'marks', marks: this.#marks.all }
    }
  }

  /** Forgets what is before the time; returns how many points went. */
  *drop(beforeMs: number): Generator<void, number> {
    const points = yield* dropBefore(this.#parts, beforeMs)
    this.#measure()
    return points
  }

  /** Seals and deletes what is due. */
  *maintain(nowMs: number): Generator<void> {
    const { registry } = this.#parts
    const heads = registry.withHead()
    const full = registry.headCells > maxHeadCells
    const bytes = this.#parts.ticks.bytes > Math.min(maxTickBytes, this.options.maxBytes / 8)
    if (full || bytes || this.#hourIsOver(nowMs)) {
      yield* sealAll(this.#parts)
      this.#sealedAtMs = nowMs
    } else {
      yield* sealHeads(
        this.#parts,
        heads.filter((series) => series.late),
      )
    }
    yield* retain(this.#parts, this.options, nowMs)
    this.#marks.prune(nowMs)
    this.#measure()
    this.#jobProblem = ''
  }

  /** Remembers why sealing or deleting failed until it succeeds. */
  jobFailed(error: unknown): void {
    this.#jobProblem = messageOf(error)
  }

  health(): StoreHealth {
    let problem = this.#writeProblem === '' ? this.#jobProblem : this.#writeProblem
    try {
      const points = this.#counters.get('points') + this.#parts.registry.headPoints
      this.#size = { points, sizeBytes: this.#fileBytes() }
    } catch (error) {
      problem = messageOf(error)
    }
    return { ok: problem === '', problem, ...this.#size, oldestMs: this.#oldestMs }
  }

  /** @throws SqlError if the log could not be moved into the file; nothing is lost by that */
  close(): void {
    closeSeriesDatabase(this.#db)
  }

  #put(points: readonly DecodedPoint[]): void {
    for (const point of points) {
      this.#parts.registry.put(point)
      if (point.fields.length > 0) this.#oldestMs = Math.min(this.#oldestMs ?? Infinity, point.atMs)
    }
  }

  /** Sealing has failed for long: rather no acknowledgement than memory without end. */
  #refuseOverflow(): void {
    if (this.#parts.registry.headCells <= 4 * maxHeadCells) return
    throw new Error(`${this.options.path}: too many points wait to be sealed: ${this.#jobProblem}`)
  }

  #replay(): void {
    for (const points of this.#parts.ticks.replay()) {
      this.#put(decodePoints(points, (kind, name) => this.#parts.fields.idOf(kind, name)))
    }
    this.#measure()
  }

  #hourIsOver(nowMs: number): boolean {
    if (nowMs - this.#sealedAtMs < sealEveryMs) return false
    let [first, last] = [Infinity, -Infinity]
    for (const { head } of this.#parts.registry.withHead()) {
      first = Math.min(first, head?.firstMs ?? Infinity)
      last = Math.max(last, head?.lastMs ?? -Infinity)
    }
    return first !== Infinity && bucketOf(first) < bucketOf(last - settleMs)
  }

  #measure(): void {
    let oldest = this.#parts.chunks.oldestMs() ?? Infinity
    for (const { head } of this.#parts.registry.withHead()) oldest = Math.min(oldest, head?.firstMs ?? Infinity)
    this.#oldestMs = oldest === Infinity ? undefined : oldest
  }

  #fileBytes(): number {
    const pages = numberAt([this.#db.pragma('page_count')], 0) * numberAt([this.#db.pragma('page_size')], 0)
    return pages + (statSync(`${this.options.path}-wal`, { throwIfNoEntry: false })?.size ?? 0)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
