import { statSync } from 'node:fs'

import { Counters } from '../embedded/counters.js'
import { numberAt, type SqlDatabase } from '../embedded/database.js'
import { EventTable } from '../embedded/event-table.js'
import { MarkTable } from '../embedded/mark-table.js'
import type { Answer, QuestionBody, WriteBody } from '../embedded/protocol.js'
import { closeSeriesDatabase } from '../embedded/schema.js'
import { packTick } from '../embedded/tick-log.js'
import type { StoreEngine } from '../embedded/work-queue.js'
import { entityKinds } from '../measurements.js'
import { inOneLine } from '../problems.js'
import type { QueueHealth, StoreHealth } from '../time-series.js'
import { openOutboxDatabase, relaxedTransaction } from './outbox-schema.js'
import { decodeQueued, queuedCount } from './queued-batch.js'
import { QueueTable, type QueueBounds } from './queue-table.js'
import type { QueuedPoint, Refusal, Retention, ServerLook } from './sink.js'
import { windowMs, type RollUpTier } from './tier-plan.js'
import { WindowTable, type DueWindow, type Window } from './window-table.js'

export interface OutboxOptions {
  readonly path: string
  readonly bounds: QueueBounds
  readonly retention: Retention
}

/** Some batches that follow one another, to be sent. */
export interface Shipment {
  readonly throughId: number
  readonly batches: readonly { readonly id: number; readonly points: number }[]
  readonly points: readonly QueuedPoint[]
  /** How often the server had lost what it was sent when this was taken from the queue. */
  readonly losses: number
}

const unknownTier = { retentionMs: undefined, oldestMs: undefined }
const unknownTiers = { raw: unknownTier, '5m': unknownTier, '1h': unknownTier }
const shipmentPoints = 5000
const eventsPerSlice = 2000
const eventsMs = 400 * 86_400_000
const keptFreeBytes = 16 * 2 ** 20
const vacuumPages = 256

/**
 * What waits in front of a server, on disk: points, and the windows of roll-ups that they change. Events and marks stay here for good.
 * Synchronous, one caller, like the embedded store's engine, whose place it takes in the worker.
 */
export class Outbox implements StoreEngine {
  readonly wantsSeal = false
  readonly overfull = false
  readonly #db: SqlDatabase
  readonly #counters: Counters
  readonly #events: EventTable
  readonly #marks: MarkTable
  readonly #queue: QueueTable
  readonly #windows: WindowTable
  #sendingThroughId = 0
  #losses = 0
  #dropped = 0
  #refused = 0
  #resent = 0
  #damaged = 0
  #lastRefusal = ''
  #writeProblem = ''
  #jobProblem = ''
  #serverProblem = ''
  #look: ServerLook | undefined
  #wake: () => void = () => undefined

  /** @throws SqlError: see openOutboxDatabase */
  constructor(
    private readonly options: OutboxOptions,
    /** Tiers that are kept. */
    private readonly rollUps: readonly RollUpTier[],
    /** How long the server takes at most to show what it took. */
    private readonly settleMs: number,
    private readonly now: () => number,
  ) {
    const db = openOutboxDatabase(options.path, now())
    try {
      this.#db = db
      this.#counters = new Counters(db)
      this.#events = new EventTable(db, this.#counters)
      this.#marks = new MarkTable(db)
      this.#queue = new QueueTable(db)
      this.#windows = new WindowTable(db)
    } catch (error) {
      closeSeriesDatabase(db)
      throw error
    }
  }

  /** Called when there is something new to send. */
  onCommit(wake: () => void): void {
    this.#wake = wake
  }

  /** As the embedded store's engine does: all durable in one transaction, batches whose marks are stored already left out. */
  commit(batches: readonly WriteBody[]): void {
    const marks = new Map<string, number>()
    const fresh: WriteBody[] = []
    for (const batch of batches) {
      const through = ({ spoolId }: { spoolId: string }): number => marks.get(spoolId) ?? this.#marks.through(spoolId)
      if (batch.marks.length > 0 && batch.marks.every((mark) => mark.throughSeq <= through(mark))) continue
      for (const mark of batch.marks) marks.set(mark.spoolId, Math.max(mark.throughSeq, through(mark)))
      fresh.push(batch)
    }
    if (fresh.length === 0) return
    const nowMs = this.now()
    try {
      this.#db.transaction(() => {
        for (const { points, events } of fresh) {
          const count = queuedCount(points)
          if (count > 0) this.#queue.append(packTick(points), count, nowMs)
          this.#events.add(events)
        }
        for (const [spoolId, throughSeq] of marks) this.#marks.put({ spoolId, throughSeq })
        this.#enforceBounds(nowMs)
      })
      this.#writeProblem = ''
    } catch (error) {
      this.#queue.recount()
      this.#writeProblem = messageOf(error)
      throw error
    }
    this.#marks.committed(marks)
    this.#wake()
  }

  /** Answers what is kept here. @throws Error */
  // oxlint-disable-next-line require-yield -- one slice is enough
  *read(body: QuestionBody): Generator<void, Answer> {
    switch (body.op) {
      case 'events':
        return { op: 'events', events: this.#events.query(body.query) }
      case 'marks':
        return { op: 'marks', marks: this.#marks.all }
      case 'range':
      case 'top':
      case 'series':
      case 'export':
      case 'rollUps':
        throw new Error(`${body.op}: the server answers that`)
    }
  }

  /** @throws Error: a server is backed up by its own means */
  // oxlint-disable-next-line require-yield -- it never comes to that
  *backUp(): Generator<void> {
    throw new Error('the time series are kept by a server of their own: back up that one')
  }

  /** @throws Error: a server is written to without the queue */
  // oxlint-disable-next-line require-yield -- it never comes to that
  *putRollUps(): Generator<void, number> {
    throw new Error('roll-ups from elsewhere go to the server itself')
  }

  /** Forgets events before the time. */
  *drop(beforeMs: number): Generator<void, number> {
    while (this.#deleteEvents(beforeMs) > 0) yield
    return 0
  }

  /** Deletes what is due. */
  *maintain(nowMs: number): Generator<void> {
    this.#change(() => {
      this.#enforceBounds(nowMs)
      this.#windows.prune(nowMs - this.options.retention.raw - 2 * 86_400_000)
    })
    while (this.#deleteEvents(nowMs - Math.max(eventsMs, this.options.retention.raw)) > 0) yield
    this.#marks.prune(nowMs)
    yield* this.#giveBack()
    this.#jobProblem = ''
  }

  jobFailed(error: unknown): void {
    this.#jobProblem = messageOf(error)
  }

  /** What is to be sent next; undefined if nothing waits. Batches that are damaged on disk are left out, and counted. */
  nextShipment(): Shipment | undefined {
    const batches: { id: number; points: number }[] = []
    const points: QueuedPoint[] = []
    let throughId = this.#queue.sentThroughId
    while (points.length < shipmentPoints) {
      const batch = this.#queue.after(throughId)
      if (batch === undefined) break
      throughId = batch.id
      const decoded = decodeBatch(batch.data)
      if (decoded === undefined) {
        this.#dropped += batch.points
        this.#damaged += 1
      }
      // One at a time: a batch can hold more points than a call takes arguments.
      for (const point of decoded ?? []) points.push(point)
      batches.push({ id: batch.id, points: batch.points })
    }
    return batches.length === 0 ? undefined : { throughId, batches, points, losses: this.#losses }
  }

  /** Before a shipment goes out: readers must not trust the roll-ups that it changes. Until `sent` or `failed` its batches stay. */
  sending({ points, throughId }: Shipment): void {
    this.#sendingThroughId = throughId
    this.#mark(points)
  }

  /** The server took it. If it was found meanwhile to have lost what came before, everything is sent again, this too. */
  sent({ throughId, batches, points, losses }: Shipment, refused: Refusal | undefined, isDurable: boolean): void {
    this.#sendingThroughId = 0
    if (losses !== this.#losses) return
    this.#refused += refused?.points ?? 0
    this.#lastRefusal = refused?.reason ?? this.#lastRefusal
    // Again: one that was computed while they were under way lacks them.
    this.#mark(points)
    if (isDurable) this.#change(() => this.#queue.finish(throughId))
    else for (const { id, points } of batches) this.#queue.hold(id, points, this.now())
  }

  failed(): void {
    this.#sendingThroughId = 0
  }

  dueWindows(): Window[] {
    return this.#windows.due(this.now(), this.settleMs)
  }

  /** Durable at once: a version is never used twice. */
  numbered(windows: readonly Window[]): DueWindow[] {
    return this.#db.transaction(() => this.#windows.numbered(windows))
  }

  /** Windows were computed from what was sent before `sinceMs`. */
  computed(windows: readonly Window[], sinceMs: number): void {
    this.#windows.written(windows, sinceMs, this.now())
  }

  /** What was sent and computed before that moment is on the server's disk. */
  confirm(beforeMs: number): void {
    if (!this.#queue.isConfirmable(beforeMs) && !this.#windows.isConfirmable(beforeMs)) return
    this.#change(() => {
      this.#queue.confirm(beforeMs)
      this.#windows.confirm(beforeMs)
    })
  }

  /** The server lost what it took last. */
  rewind(): void {
    this.#losses += 1
    this.#resent += this.#queue.rewind()
    this.#windows.rewind(this.now())
  }

  looked(look: ServerLook): void {
    this.#look = look
  }

  /** Why the server does not take what waits; empty while it does. */
  set serverProblem(problem: string) {
    this.#serverProblem = problem
  }

  health(): StoreHealth {
    const problem = inOneLine([this.#writeProblem, this.#jobProblem, this.#serverProblem, this.#look?.problem ?? ''])
    const tiers = this.#look?.tiers ?? unknownTiers
    return {
      ok: problem === '',
      problem,
      points: undefined,
      sizeBytes: (this.#look?.sizeBytes ?? 0) + this.#fileBytes(),
      oldestMs: tiers.raw.oldestMs,
      tiers,
      // The server decides that by itself: what it does not take is `refusedPoints`.
      tooLate: 0,
      trimmed: { points: 0, rollups: 0 },
      damaged: this.#damaged,
      queue: this.#queueHealth(),
    }
  }

  close(): void {
    closeSeriesDatabase(this.#db)
  }

  #queueHealth(): QueueHealth {
    const shownBeforeMs = this.now() - this.settleMs
    return {
      waitingPoints: this.#queue.waitingPoints,
      heldPoints: this.#queue.heldPoints,
      bytes: this.#queue.bytes,
      oldestMs: this.#queue.oldestWaitingMs(),
      droppedPoints: this.#dropped,
      refusedPoints: this.#refused,
      resentPoints: this.#resent,
      lastRefusal: this.#lastRefusal,
      waitingWindows: this.#windows.waiting,
      wholeBeforeMs: {
        '5m': this.#windows.unsettledFromMs('5m', shownBeforeMs),
        '1h': this.#windows.unsettledFromMs('1h', shownBeforeMs),
      },
    }
  }

  #mark(points: readonly QueuedPoint[]): void {
    const nowMs = this.now()
    const windows = windowsOf(points, this.rollUps, nowMs - this.options.retention.raw)
    if (windows.length > 0) this.#change(() => this.#windows.mark(windows, nowMs))
  }

  #enforceBounds(nowMs: number): void {
    this.#dropped += this.#queue.enforce(this.options.bounds, nowMs, this.#sendingThroughId)
  }

  #deleteEvents(beforeMs: number): number {
    return this.#db.transaction(() => this.#events.deleteOldest(beforeMs, eventsPerSlice))
  }

  /** A change that is only done again if a power loss takes it back. */
  #change(work: () => void): void {
    try {
      relaxedTransaction(this.#db, work)
    } catch (error) {
      this.#queue.recount()
      this.#windows.reload()
      throw error
    }
  }

  *#giveBack(): Generator<void> {
    const pageSize = numberAt([this.#db.pragma('page_size')], 0)
    for (;;) {
      const free = numberAt([this.#db.pragma('freelist_count')], 0)
      if (free <= keptFreeBytes / pageSize) return
      this.#db.exec(`PRAGMA incremental_vacuum(${vacuumPages})`)
      if (numberAt([this.#db.pragma('freelist_count')], 0) >= free) return
      yield
    }
  }

  #fileBytes(): number {
    const { path } = this.options
    return [path, `${path}-wal`].reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0)
  }
}

/** Undefined if it is damaged. */
function decodeBatch(data: Buffer | undefined): QueuedPoint[] | undefined {
  try {
    return data === undefined ? undefined : decodeQueued(data)
  } catch {
    return undefined
  }
}

/** The windows that these points fall into. Of older ones the server may have lost points: what they would give now is worse. */
function windowsOf(points: readonly QueuedPoint[], rollUps: readonly RollUpTier[], fromMs: number): Window[] {
  const windows = new Map<string, Window>()
  for (const tier of rollUps) {
    for (const { kind: name, atMs } of points) {
      const startMs = Math.floor(atMs / windowMs[tier]) * windowMs[tier]
      const key = `${tier} ${name} ${startMs}`
      if (startMs < fromMs || windows.has(key)) continue
      const kind = entityKinds.find((one) => one === name)
      if (kind !== undefined) windows.set(key, { tier, kind, startMs })
    }
  }
  return [...windows.values()]
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
