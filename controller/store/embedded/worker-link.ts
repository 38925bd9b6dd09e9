import type { Worker } from 'node:worker_threads'

import { Backoff } from '../../../common/backoff.js'
import type { Log } from '../../../common/log.js'
import type { StoreHealth } from '../time-series.js'
import type { BackupProgress } from './backup.js'
import type { Answer, FromWorker, RequestBody, ToWorker } from './protocol.js'

export interface LinkLimits {
  /** How long an answer may take, and work that is done in slices. */
  readonly deadlineMs: number
  readonly jobDeadlineMs: number
  readonly maxWrites: number
  /** Of all writes in flight. */
  readonly maxWriteBytes: number
  readonly maxReads: number
  readonly openMs: number
  readonly closeMs: number
}

export const defaultLinkLimits: LinkLimits = {
  deadlineMs: 30_000,
  jobDeadlineMs: 4 * 3_600_000,
  maxWrites: 256,
  maxWriteBytes: 64 * 2 ** 20,
  maxReads: 64,
  openMs: 120_000,
  closeMs: 10_000,
}

/** What the link did not do, since it was opened. */
export interface LinkCounters {
  /** Writes and questions refused because too many were in flight. */
  refusedWrites: number
  refusedReads: number
  /** Requests without an answer in time. */
  expired: number
  /** Times that the worker ended by itself. */
  crashes: number
}

interface Pending {
  readonly bytes: number | undefined
  readonly settle: (outcome: Answer | Error) => void
  readonly timer: NodeJS.Timeout
}

type State =
  | { readonly is: 'starting' | 'running'; readonly worker: Worker }
  | { readonly is: 'down'; readonly why: string; readonly retry: NodeJS.Timeout }
  | { readonly is: 'closed' }

const unknownTier = { retentionMs: undefined, oldestMs: undefined }
const unknownHealth: StoreHealth = {
  ok: true,
  problem: '',
  points: undefined,
  sizeBytes: 0,
  oldestMs: undefined,
  tiers: { raw: unknownTier, '5m': unknownTier, '1h': unknownTier },
  tooLate: 0,
  trimmed: { points: 0, rollups: 0 },
  damaged: 0,
}

/**
 * Requests to the store's worker and their answers: a deadline each, a bound on what is in flight. A worker that ends by itself
 * fails what is pending and is started again, with backoff.
 */
export class WorkerLink {
  readonly counters: LinkCounters = { refusedWrites: 0, refusedReads: 0, expired: 0, crashes: 0 }
  readonly #pending = new Map<number, Pending>()
  readonly #backoff = new Backoff({ baseMs: 250, capMs: 30_000 })
  #state: State = { is: 'closed' }
  #nextId = 1
  #writes = 0
  #writeBytes = 0
  #failures = 0
  #health = unknownHealth
  #progress: BackupProgress = { rows: 0, ofRows: 0 }

  constructor(
    private readonly start: () => Worker,
    private readonly log: Log,
    private readonly limits: LinkLimits,
  ) {}

  /** Starts the first worker. Rejects if it cannot open its file; later failures are retried. */
  async open(): Promise<void> {
    const failure = await new Promise<string>((resolve) => this.#launch(resolve))
    if (failure === '') return
    await this.close()
    throw new Error(failure)
  }

  /** Of the backup that runs, or ran last. */
  get backupProgress(): BackupProgress {
    return this.#progress
  }

  health(): StoreHealth {
    if (this.#state.is !== 'down') return this.#health
    return { ...this.#health, ok: false, problem: `the store's worker ended: ${this.#state.why}` }
  }

  /** Rejects when busy, down, closed, late, or with what the worker says. The worker answers each op with the answer of that op. */
  async call<Op extends Answer['op']>(body: Extract<RequestBody, { op: Op }>): Promise<Extract<Answer, { op: Op }>>
  async call(body: RequestBody): Promise<Answer> {
    const state = this.#state
    if (state.is === 'closed') throw new Error('store is closed')
    if (state.is === 'down') throw new Error(`store is down: ${state.why}`)
    const bytes = body.op === 'write' ? body.points.length : undefined
    const isJob = body.op === 'drop' || body.op === 'backup' || body.op === 'putRollUps'
    const deadlineMs = isJob ? this.limits.jobDeadlineMs : this.limits.deadlineMs
    this.#refuseIfBusy(bytes)
    const id = this.#nextId++
    return new Promise<Answer>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.counters.expired += 1
        this.#settle(id, new Error(`store did not answer within ${deadlineMs} ms`))
      }, deadlineMs)
      const settle: Pending['settle'] = (outcome) => {
        if (outcome instanceof Error) reject(outcome)
        else resolve(outcome)
      }
      this.#pending.set(id, { bytes, settle, timer })
      if (bytes !== undefined) {
        this.#writes += 1
        this.#writeBytes += bytes
      }
      post(
        state.worker,
        { type: 'request', id, failures: this.#failures, body },
        body.op === 'write' ? [body.points.buffer] : [],
      )
    })
  }

  /** Time for seals and retention; lost if the worker is not there. */
  maintain(nowMs: number): void {
    if (this.#state.is === 'running') post(this.#state.worker, { type: 'maintain', nowMs })
  }

  /** Lets the worker finish what is pending; ends it after a while. */
  async close(): Promise<void> {
    const state = this.#state
    if (state.is === 'down') clearTimeout(state.retry)
    this.#state = { is: 'closed' }
    if (state.is === 'starting' || state.is === 'running') {
      const { worker } = state
      const ended = new Promise<void>((resolve) => {
        worker.once('exit', () => resolve())
      })
      post(worker, { type: 'close' })
      const slow = setTimeout(() => {
        this.log.warn({ afterMs: this.limits.closeMs }, 'store worker is slow to close and is ended')
        void worker.terminate()
      }, this.limits.closeMs)
      await ended
      clearTimeout(slow)
    }
    this.#failAll(new Error('store is closed'))
  }

  #launch(opened: (failure: string) => void): void {
    const worker = this.start()
    this.#failures = 0
    this.#state = { is: 'starting', worker }
    let failure = ''
    const slow = setTimeout(() => {
      failure = `the store did not open within ${this.limits.openMs} ms`
      void worker.terminate()
    }, this.limits.openMs)
    worker.on('message', (message: FromWorker) => {
      if (message.type === 'ready') {
        clearTimeout(slow)
        if (this.#state.is === 'starting') this.#state = { is: 'running', worker }
        this.#backoff.reset()
        opened('')
      }
      if (message.type === 'failed') failure = message.message
      else if (message.type === 'progress') this.#progress = message.progress
      else this.#receive(message)
    })
    worker.on('error', (error) => (failure = error.message))
    worker.on('exit', (code) => {
      clearTimeout(slow)
      const why = failure === '' ? `exit code ${code}` : failure
      this.#ended(worker, why)
      opened(why)
    })
  }

  #receive(message: Exclude<FromWorker, { type: 'failed' | 'progress' }>): void {
    if (message.health.problem !== this.#health.problem) {
      if (message.health.ok) this.log.info('store works again')
      else this.log.error({ problem: message.health.problem }, 'store has a problem')
    }
    if (message.health.damaged > this.#health.damaged) {
      this.log.error({ rows: message.health.damaged }, 'store found damaged rows and has set them aside')
    }
    this.#health = message.health
    if (message.type === 'answer') this.#settle(message.id, message.answer)
    if (message.type === 'error') {
      this.#failures = message.failures
      this.#settle(message.id, new Error(message.message))
    }
  }

  #ended(worker: Worker, why: string): void {
    const state = this.#state
    if ((state.is !== 'starting' && state.is !== 'running') || state.worker !== worker) return
    this.counters.crashes += 1
    const delayMs = this.#backoff.nextMs()
    this.log.error({ why, restartMs: Math.round(delayMs) }, 'store worker ended')
    const retry = setTimeout(() => this.#launch(() => undefined), delayMs)
    this.#state = { is: 'down', why, retry }
    this.#failAll(new Error(`store is down: ${why}`))
  }

  #refuseIfBusy(writeBytes: number | undefined): void {
    if (writeBytes === undefined) {
      if (this.#pending.size - this.#writes < this.limits.maxReads) return
      this.counters.refusedReads += 1
    } else {
      const fits = this.#writeBytes + writeBytes <= this.limits.maxWriteBytes || this.#writes === 0
      if (this.#writes < this.limits.maxWrites && fits) return
      this.counters.refusedWrites += 1
    }
    throw new Error('store busy')
  }

  #settle(id: number, outcome: Answer | Error): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    this.#pending.delete(id)
    clearTimeout(pending.timer)
    if (pending.bytes !== undefined) {
      this.#writes -= 1
      this.#writeBytes -= pending.bytes
    }
    pending.settle(outcome)
  }

  #failAll(error: Error): void {
    for (const id of this.#pending.keys()) this.#settle(id, error)
  }
}

function post(worker: Worker, message: ToWorker, transfer: readonly ArrayBuffer[] = []): void {
  worker.postMessage(message, [...transfer])
}
