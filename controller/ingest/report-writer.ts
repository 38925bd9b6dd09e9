import { Backoff } from '../../common/backoff.js'
import { pause } from '../../common/lifecycle.js'
import type { Log } from '../../common/log.js'
import type { Applied } from '../fleet/apply-report.js'
import { InvalidBatchError, type Batch, type TimeSeries } from '../store/time-series.js'
import type { IngestMetrics } from './ingest-metrics.js'

interface Pending {
  readonly spoolId: string
  readonly seq: number
  readonly applied: Applied
}

export type Accepted = 'new' | 'duplicate' | 'busy'

const nothing: Applied = { points: [], events: [] }
/** Memory is bounded by points too: a report may bring one or a hundred thousand. As many transactions may wait. */
const maxPendingTransactions = 20

/**
 * Brings what reports said into the store, in order, many at a time, and tells when it is durable. Owns the high-water
 * mark of every spool. When the store fails it keeps what it has and tries again; when it is full it refuses more, so
 * that agents keep their reports. A report that the store can never take loses its figures and nothing else: it must not
 * hold up all others.
 */
export class ReportWriter {
  readonly #pending: Pending[] = []
  #pendingPoints = 0
  /** Reports at the head of the queue to be written one by one: one of them is not storable. */
  #oneByOne = 0
  /** Highest sequence number taken in, durable or not. */
  readonly #taken = new Map<string, number>()
  readonly #durable = new Map<string, number>()
  readonly #listeners = new Map<string, (throughSeq: number) => void>()
  readonly #stop = new AbortController()
  #wake: (() => void) | undefined
  #running: Promise<void> | undefined
  #failing = ''

  constructor(
    private readonly options: {
      readonly store: TimeSeries
      readonly metrics: IngestMetrics
      readonly log: Log
      /** Reports held in memory at most. */
      readonly maxPending: number
      /** Points in one transaction at most, unless one report alone brings more. */
      readonly maxPoints: number
    },
  ) {}

  /** Reads the marks and starts the loop. */
  async start(): Promise<void> {
    for (const [spoolId, seq] of await this.options.store.marks()) {
      this.#durable.set(spoolId, seq)
      this.#taken.set(spoolId, seq)
    }
    this.#running = this.#loop()
  }

  /** Why the store does not take data now; empty if it does. */
  get problem(): string {
    return this.#failing
  }

  lastDurable(spoolId: string): number {
    return this.#durable.get(spoolId) ?? 0
  }

  /** Whether it has ever had a report of this spool. */
  isKnown(spoolId: string): boolean {
    return this.#taken.has(spoolId)
  }

  /** Whether a report is new. `busy`: no room now; it must not be applied. */
  check(spoolId: string, seq: number): Accepted {
    if (seq <= (this.#taken.get(spoolId) ?? 0)) return 'duplicate'
    const { maxPending, maxPoints } = this.options
    const full = this.#pending.length >= maxPending || this.#pendingPoints >= maxPoints * maxPendingTransactions
    return full ? 'busy' : 'new'
  }

  /** Queues what a new report brought. */
  add(spoolId: string, seq: number, applied: Applied): void {
    this.#taken.set(spoolId, seq)
    this.#pending.push({ spoolId, seq, applied })
    this.#pendingPoints += applied.points.length
    this.options.metrics.unstoredReports.set(this.#pending.length)
    this.#wake?.()
  }

  /** Calls back whenever more of the spool is durable. One listener a spool; the newest wins. Returns the unsubscribe. */
  onDurable(spoolId: string, listener: (throughSeq: number) => void): () => void {
    this.#listeners.set(spoolId, listener)
    return () => {
      if (this.#listeners.get(spoolId) === listener) this.#listeners.delete(spoolId)
    }
  }

  /** Writes what is pending, for as long as the store takes it, and ends. */
  async stop(): Promise<void> {
    this.#stop.abort()
    this.#wake?.()
    await this.#running
  }

  async #loop(): Promise<void> {
    const backoff = new Backoff({ baseMs: 200, capMs: 10_000 })
    const { signal } = this.#stop
    for (;;) {
      if (this.#pending.length === 0) {
        if (signal.aborted) return
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        this.#wake = undefined
        continue
      }
      const { batch, reports } = this.#nextBatch()
      try {
        await this.options.store.write(batch)
        backoff.reset()
        this.#failing = ''
        this.#finish(batch, reports)
      } catch (error) {
        if (error instanceof InvalidBatchError) {
          this.#isolate(error, reports)
          continue
        }
        this.#failing = error instanceof Error ? error.message : String(error)
        this.options.metrics.storeFailures.inc()
        this.options.log.error({ err: error, pendingReports: this.#pending.length }, 'the store does not take data')
        if (signal.aborted) return
        await pause(backoff.nextMs(), signal)
      }
    }
  }

  #nextBatch(): { batch: Batch; reports: number } {
    const marks = new Map<string, number>()
    const points: Batch['points'][number][] = []
    const events: Batch['events'][number][] = []
    let reports = 0
    for (const { spoolId, seq, applied } of this.#pending) {
      if (reports > 0 && (this.#oneByOne > 0 || points.length + applied.points.length > this.options.maxPoints)) break
      // Not by spreading: a report can bring more points than a call takes arguments.
      for (const point of applied.points) points.push(point)
      for (const event of applied.events) events.push(event)
      marks.set(spoolId, seq)
      reports += 1
    }
    return {
      reports,
      batch: { points, events, marks: [...marks].map(([spoolId, throughSeq]) => ({ spoolId, throughSeq })) },
    }
  }

  #finish(batch: Batch, reports: number): void {
    this.#pending.splice(0, reports)
    this.#pendingPoints -= batch.points.length
    this.#oneByOne = Math.max(0, this.#oneByOne - reports)
    this.options.metrics.unstoredReports.set(this.#pending.length)
    for (const { spoolId, throughSeq } of batch.marks) {
      this.#durable.set(spoolId, throughSeq)
      this.#listeners.get(spoolId)?.(throughSeq)
    }
  }

  /** One of the first `reports` can never be stored: finds it by writing them one by one, then leaves its figures out. */
  #isolate(error: InvalidBatchError, reports: number): void {
    if (reports > 1) {
      this.#oneByOne = reports
      return
    }
    const [bad] = this.#pending
    if (bad === undefined) return
    this.options.metrics.unstorable.inc()
    this.options.log.error({ err: error, spoolId: bad.spoolId, seq: bad.seq }, 'a report cannot be stored: left out')
    this.#pendingPoints -= bad.applied.points.length
    // Not even its mark can be stored: it is never acked.
    if (bad.applied === nothing) this.#pending.shift()
    else this.#pending[0] = { ...bad, applied: nothing }
  }
}
