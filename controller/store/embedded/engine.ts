import { statSync } from 'node:fs'

import { inOneLine } from '../problems.js'
import type { StoreHealth, Tier, TierHealth } from '../time-series.js'
import { decodePoints, type DecodedPoint } from './batch-codec.js'
import { backUp, type BackupProgress } from './backup.js'
import { ChunkTable } from './chunk-table.js'
import { isClosed } from './closed-hours.js'
import { bucketMs, bucketOf } from './column-block.js'
import { Counters } from './counters.js'
import { type SqlDatabase, numberAt } from './database.js'
import { Damage, DamagedRow, type RowKey } from './damage.js'
import { DayTable } from './day-table.js'
import { EventTable } from './event-table.js'
import { exportPiece } from './export-piece.js'
import { FormerHours } from './former-hours.js'
import { MarkTable } from './mark-table.js'
import type { Answer, PackedRollUps, QuestionBody, WorkerOptions, WriteBody } from './protocol.js'
import { range, seriesInfos } from './range-query.js'
import { dropBefore, retain, type RetentionParts } from './retention.js'
import { rollUpAgain } from './roll-up-again.js'
import { decodeRollUps, encodeRollUps } from './roll-up-codec.js'
import { rollUpsOf } from './roll-up-export.js'
import { putRollUps, type RollUpGroup } from './roll-up-import.js'
import { RollupTable } from './rollup-table.js'
import { closeSeriesDatabase, FieldDictionary, openSeriesDatabase } from './schema.js'
import { sealAll, sealHeads } from './seal.js'
import type { QueryParts } from './series-pieces.js'
import { SeriesRegistry } from './series-registry.js'
import { dayMs } from './tier-steps.js'
import { top } from './top-query.js'
import { packTick, TickLog, type Tick } from './tick-log.js'

/** About 32 MB of head. */
const maxHeadCells = 4_000_000
const maxTickBytes = 256 * 2 ** 20
/** Further ones are found again. */
const mostDamaged = 1000
/** So much is held in memory, and replayed after a crash, at most; what is sealed oftener is written oftener. */
const sealEveryMs = 900_000

/** The store inside the worker: one file, synchronous, one caller. Work that takes long comes as generators of short slices. */
export class Engine {
  readonly #db: SqlDatabase
  readonly #counters: Counters
  readonly #parts: RetentionParts & QueryParts
  readonly #marks: MarkTable
  #oldestMs: Record<Tier, number> = { raw: Infinity, '5m': Infinity, '1h': Infinity }
  /** Points before this may belong to hours that take no more. */
  #openFromMs = 0
  #nowMs = 0
  /** Rows that questions found damaged. */
  readonly #damaged: RowKey[] = []
  #writeProblem = ''
  #jobProblem = ''
  #sealedAtMs = -Infinity
  #size = { points: 0, sizeBytes: 0, tooLate: 0, trimmed: { points: 0, rollups: 0 }, damaged: 0 }

  /** @throws SqlError: see openSeriesDatabase; Error if a batch in the log is damaged */
  constructor(
    private readonly options: WorkerOptions,
    elapsedMs: () => number,
  ) {
    const db = openSeriesDatabase(options.path)
    try {
      const fields = new FieldDictionary(db)
      const counters = new Counters(db)
      this.#db = db
      this.#counters = counters
      this.#parts = {
        db,
        registry: new SeriesRegistry(db),
        chunks: new ChunkTable(db),
        rollups: new RollupTable(db),
        days: new DayTable(db),
        former: new FormerHours(db),
        damage: new Damage(db, counters),
        counters,
        events: new EventTable(db, counters),
        fields,
        ticks: new TickLog(db),
        elapsedMs,
      }
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
    let tooLate = 0
    for (const batch of batches) {
      const through = ({ spoolId }: { spoolId: string }): number => marks.get(spoolId) ?? this.#marks.through(spoolId)
      if (batch.marks.length > 0 && batch.marks.every((mark) => mark.throughSeq <= through(mark))) continue
      for (const mark of batch.marks) marks.set(mark.spoolId, Math.max(mark.throughSeq, through(mark)))
      const decoded = decodePoints(batch.points, (kind, name) => this.#parts.fields.idOf(kind, name))
      if (decoded.length > 0) ticks.push(packTick(batch.points))
      for (const point of decoded) {
        if (this.#isOpen(point)) points.push(point)
        else tooLate += 1
      }
      fresh.push(batch)
    }
    if (fresh.length === 0) return
    try {
      this.#refuseOverflow()
      this.#db.transaction(() => {
        for (const tick of ticks) this.#parts.ticks.append(tick)
        for (const { events } of fresh) this.#parts.events.add(events)
        for (const [spoolId, throughSeq] of marks) this.#marks.put({ spoolId, throughSeq })
        this.#counters.add('too_late', tooLate)
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

  /** Answers a question, in slices if it takes long. @throws Error; DamagedRow: it will be set aside */
  *read(body: QuestionBody): Generator<void, Answer> {
    try {
      return body.op === 'top' ? { op: 'top', rows: yield* top(this.#parts, body.query) } : this.#answer(body)
    } catch (error) {
      if (error instanceof DamagedRow && this.#damaged.length < mostDamaged) this.#damaged.push(error.key)
      throw error
    }
  }

  #answer(body: Exclude<QuestionBody, { op: 'top' }>): Answer {
    switch (body.op) {
      case 'range':
        return { op: 'range', result: range(this.#parts, body.query) }
      case 'series':
        return { op: 'series', series: seriesInfos(this.#parts, body.kind, Math.min(...Object.values(this.#oldestMs))) }
      case 'events':
        return { op: 'events', events: this.#parts.events.query(body.query) }
      case 'marks':
        return { op: 'marks', marks: this.#marks.all }
      case 'export':
        return exportPiece(this.#parts, body.query)
      case 'rollUps':
        return { op: 'rollUps', cells: encodeRollUps(body.query.entity.kind, rollUpsOf(this.#parts, body.query)) }
    }
  }

  /** Forgets what a tier and the finer ones have before the time; returns how many points went. */
  *drop(beforeMs: number, tier: Tier): Generator<void, number> {
    const points = yield* this.#healing(() => dropBefore(this.#parts, beforeMs, tier, this.#nowMs))
    this.#measure()
    return points
  }

  /** Takes roll-ups of hours that the file knows nothing of; returns how many rows. One transaction a group. */
  *putRollUps(groups: readonly PackedRollUps[]): Generator<void, number> {
    let rows = 0
    for (const { entity, tier, cells } of groups) {
      const group = { entity, tier, rows: decodeRollUps(entity.kind, cells) }
      rows += yield* this.#healing(() => this.#putGroup(group))
      yield
    }
    this.#measure()
    return rows
  }

  *#putGroup(group: RollUpGroup): Generator<void, number> {
    const { rows, taken } = this.#db.transaction(() => putRollUps(this.#parts, group))
    taken()
    yield
    return rows
  }

  /** Seals and deletes what is due. What is damaged is set aside first. */
  *maintain(nowMs: number): Generator<void> {
    this.#nowMs = nowMs
    for (const key of this.#damaged.splice(0)) this.#setAside(key)
    yield* this.#healing(() => this.#maintained(nowMs))
    this.#measure()
    this.#jobProblem = ''
  }

  /** Does work again after each damaged row that it meets. Ends: each time there is one less. */
  *#healing<T>(work: () => Generator<void, T>): Generator<void, T> {
    for (;;) {
      try {
        return yield* work()
      } catch (error) {
        if (!(error instanceof DamagedRow)) throw error
        this.#setAside(error.key)
      }
      yield
    }
  }

  /** Takes a damaged row away. Roll-ups are made again as far as the points are there. */
  #setAside(key: RowKey): void {
    this.#db.transaction(() => {
      this.#parts.damage.setAside(key)
      if (key.table === 'rollups') rollUpAgain(this.#parts, key)
    })
  }

  *#maintained(nowMs: number): Generator<void> {
    const { registry, former } = this.#parts
    const heads = registry.withHead()
    const full = registry.headCells > maxHeadCells
    const bytes = this.#parts.ticks.bytes > Math.min(maxTickBytes, this.options.maxBytes / 8)
    if (full || bytes || Math.abs(nowMs - this.#sealedAtMs) >= sealEveryMs) {
      yield* sealAll(this.#parts, nowMs)
      this.#sealedAtMs = nowMs
    } else {
      yield* sealHeads(
        this.#parts,
        heads.filter((series) => series.late),
        nowMs,
      )
    }
    yield* former.migrate(this.#parts)
    yield* retain(this.#parts, this.options, nowMs)
    this.#marks.prune(nowMs)
  }

  /** Writes all that is stored into a new file; see backup.ts. @throws SqlError */
  *backUp(path: string, tell: (progress: BackupProgress) => void): Generator<void> {
    yield* this.#healing(() => backUp(this.#parts, path, tell))
  }

  /** Remembers why sealing or deleting failed until it succeeds. */
  jobFailed(error: unknown): void {
    this.#jobProblem = messageOf(error)
  }

  health(): StoreHealth & { readonly points: number } {
    let problem = inOneLine([this.#writeProblem, this.#jobProblem])
    try {
      const points = this.#counters.get('points') + this.#parts.registry.headPoints
      const damaged = this.#parts.damage.rows
      const trimmed = {
        points: this.#counters.get('trimmed_points'),
        rollups: this.#counters.get('trimmed_rollups'),
      }
      this.#size = { points, sizeBytes: this.#fileBytes(), tooLate: this.#counters.get('too_late'), trimmed, damaged }
    } catch (error) {
      problem = inOneLine([problem, messageOf(error)])
    }
    const tiers = { raw: this.#tierHealth('raw'), '5m': this.#tierHealth('5m'), '1h': this.#tierHealth('1h') }
    return { ok: problem === '', problem, ...this.#size, oldestMs: tiers.raw.oldestMs, tiers }
  }

  /** @throws SqlError if the log could not be moved into the file; nothing is lost by that */
  close(): void {
    closeSeriesDatabase(this.#db)
  }

  #put(points: readonly DecodedPoint[]): void {
    for (const point of points) {
      this.#parts.registry.put(point)
      if (point.fields.length > 0) this.#oldestMs.raw = Math.min(this.#oldestMs.raw, point.atMs)
    }
  }

  /** False for a point of an hour whose points were deleted, and whose roll-ups cannot be corrected any more. */
  #isOpen({ kind, id, atMs }: DecodedPoint): boolean {
    if (atMs >= this.#openFromMs) return true
    const rowId = this.#parts.registry.find(kind, id)?.rowId
    return rowId === undefined || !isClosed(this.#parts, rowId, bucketOf(atMs))
  }

  /** Sealing has failed for long: rather no acknowledgement than memory without end. */
  #refuseOverflow(): void {
    if (this.#parts.registry.headCells <= 4 * maxHeadCells) return
    throw new Error(`${this.options.path}: too many points wait to be sealed: ${this.#jobProblem}`)
  }

  #replay(): void {
    this.#measure()
    for (const { id, points } of this.#parts.ticks.replay()) {
      if (points === undefined) {
        this.#db.transaction(() => this.#parts.damage.setAside({ table: 'ticks', id }))
        continue
      }
      const decoded = decodePoints(points, (kind, name) => this.#parts.fields.idOf(kind, name))
      this.#put(decoded.filter((point) => this.#isOpen(point)))
    }
    this.#measure()
  }

  #measure(): void {
    const { chunks, rollups, days, registry } = this.#parts
    let rawMs = chunks.oldestMs() ?? Infinity
    for (const { head } of registry.withHead()) rawMs = Math.min(rawMs, head?.firstMs ?? Infinity)
    const hoursMs = (rollups.bounds()?.from ?? Infinity) * bucketMs
    this.#oldestMs = {
      raw: rawMs,
      '5m': Math.min(hoursMs, (days.oldest('5m') ?? Infinity) * dayMs),
      '1h': Math.min(hoursMs, (days.oldest('1h') ?? Infinity) * dayMs),
    }
    this.#openFromMs = this.#counters.get('raw_from') * bucketMs
  }

  #tierHealth(tier: Tier): TierHealth {
    const oldestMs = this.#oldestMs[tier]
    return { retentionMs: this.options.tierMs[tier], oldestMs: oldestMs === Infinity ? undefined : oldestMs }
  }

  #fileBytes(): number {
    const pages = numberAt([this.#db.pragma('page_count')], 0) * numberAt([this.#db.pragma('page_size')], 0)
    return pages + (statSync(`${this.options.path}-wal`, { throwIfNoEntry: false })?.size ?? 0)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
