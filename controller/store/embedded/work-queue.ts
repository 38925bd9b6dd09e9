import type { StoreHealth } from '../time-series.js'
import type { Engine } from './engine.js'
import type { Answer, FromWorker, JobBody, QuestionBody, ToWorker, WriteBody } from './protocol.js'

/** What does the work: the engine of the embedded store, or what stands in front of a server. */
export type StoreEngine = Pick<
  Engine,
  'commit' | 'read' | 'drop' | 'putRollUps' | 'backUp' | 'maintain' | 'jobFailed' | 'close' | 'wantsSeal' | 'overfull'
> & { health(): StoreHealth }

interface Queued<Body> {
  readonly id: number
  readonly body: Body
}

interface QueuedWrite extends Queued<WriteBody> {
  /** Of writes that its sender had heard of. */
  readonly failures: number
}

interface SlowRead {
  readonly id: number
  readonly steps: Generator<void, Answer>
}

interface Job {
  readonly steps: Generator<void, Answer | undefined>
  /** Undefined: nobody waits for an answer. */
  readonly id: number | undefined
}

const maxGroup = 64
const maxGroupBytes = 4 * 2 ** 20

/**
 * Order of work in the worker. A turn is one group of writes in one transaction, one question, a slice of one that takes long and a slice
 * of a longer job, so that none of them keeps the others waiting. Its length is bounded by the client, which bounds what is in flight.
 */
export class WorkQueue {
  readonly #writes: QueuedWrite[] = []
  readonly #reads: Queued<QuestionBody>[] = []
  /** Questions that did not end in their first slice. */
  readonly #slowReads: SlowRead[] = []
  readonly #jobs: Job[] = []
  #closing = false
  #nowMs = 0
  #failures = 0
  #running = false

  constructor(
    private readonly engine: StoreEngine,
    private readonly send: (message: FromWorker, transfer?: readonly ArrayBuffer[]) => void,
    private readonly closed: () => void,
    private readonly schedule: (turn: () => void) => void = setImmediate,
  ) {}

  take(message: ToWorker): void {
    switch (message.type) {
      case 'request':
        this.#takeRequest(message)
        break
      case 'maintain':
        this.#nowMs = message.nowMs
        // If one still runs, it does what is due.
        if (this.#jobs.length === 0) this.#jobs.push({ id: undefined, steps: this.#maintenance(message.nowMs) })
        break
      case 'close':
        this.#closing = true
        break
    }
    this.#run()
  }

  #takeRequest({ id, body, failures }: Extract<ToWorker, { type: 'request' }>): void {
    if (body.op === 'write') this.#writes.push({ id, body, failures })
    else if (body.op === 'drop' || body.op === 'backup' || body.op === 'putRollUps')
      this.#jobs.push({ id, steps: this.#jobOf(body) })
    else this.#reads.push({ id, body })
  }

  #run(): void {
    if (this.#running) return
    this.#running = true
    this.schedule(() => {
      this.#running = false
      this.#turn()
    })
  }

  #turn(): void {
    if (this.engine.wantsSeal && this.#jobs.length === 0) {
      this.#jobs.push({ id: undefined, steps: this.#maintenance(this.#nowMs) })
    }
    const waits = this.engine.overfull && this.#jobs.length > 0
    if (!waits) this.#commitGroup()
    const read = this.#reads.shift()
    if (read !== undefined) this.#advance({ id: read.id, steps: this.engine.read(read.body) })
    const slow = this.#slowReads.shift()
    if (slow !== undefined) this.#advance(slow)
    this.#step()
    const waiting = this.#writes.length + this.#reads.length + this.#slowReads.length
    if (waiting > 0 || (this.#jobs.length > 0 && !this.#closing)) this.#run()
    else if (this.#closing) {
      // What is under way cleans up; nobody waits for it any more.
      for (const { steps } of this.#jobs.splice(0)) steps.return(undefined)
      this.engine.close()
      this.closed()
    }
  }

  #commitGroup(): void {
    const group: QueuedWrite[] = []
    let bytes = 0
    for (const write of this.#writes) {
      if (group.length === maxGroup || bytes > maxGroupBytes) break
      group.push(write)
      bytes += write.body.points.length
    }
    if (group.length === 0) return
    this.#writes.splice(0, group.length)
    const current = group.filter(({ failures }) => failures === this.#failures)
    let failure: unknown
    try {
      this.engine.commit(current.map(({ body }) => body))
    } catch (error) {
      failure = error
      this.#failures += 1
    }
    for (const write of group) {
      // Sent before its sender knew that an earlier write failed: its mark would cover what was not stored.
      if (!current.includes(write)) this.#refuse(write.id, new Error('a write before this one failed'))
      else if (failure === undefined) this.#answer(write.id, { op: 'write' })
      else this.#refuse(write.id, failure)
    }
  }

  /** Does a slice of a question; goes on in a later turn if that does not answer it. */
  #advance(read: SlowRead): void {
    try {
      const { done, value } = read.steps.next()
      if (done === true) this.#answer(read.id, value)
      else this.#slowReads.push(read)
    } catch (error) {
      this.#refuse(read.id, error)
    }
  }

  #step(): void {
    const job = this.#jobs[0]
    if (job === undefined) return
    try {
      const { done, value } = job.steps.next()
      if (done !== true) return
      if (job.id !== undefined && value !== undefined) this.#answer(job.id, value)
      else this.send({ type: 'health', health: this.engine.health() })
    } catch (error) {
      if (job.id === undefined) {
        this.engine.jobFailed(error)
        this.send({ type: 'health', health: this.engine.health() })
      } else this.#refuse(job.id, error)
    }
    this.#jobs.shift()
  }

  *#maintenance(nowMs: number): Generator<void, undefined> {
    yield* this.engine.maintain(nowMs)
    return undefined
  }

  *#jobOf(body: JobBody): Generator<void, Answer> {
    if (body.op === 'drop') return { op: 'drop', points: yield* this.engine.drop(body.beforeMs, body.tier) }
    if (body.op === 'putRollUps') return { op: 'putRollUps', rows: yield* this.engine.putRollUps(body.groups) }
    yield* this.engine.backUp(body.path, (progress) => this.send({ type: 'progress', progress }))
    return { op: 'backup' }
  }

  #answer(id: number, answer: Answer): void {
    this.send({ type: 'answer', id, answer, health: this.engine.health() }, transferredWith(answer))
  }

  #refuse(id: number, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error)
    this.send({ type: 'error', id, message, failures: this.#failures, health: this.engine.health() })
  }
}

function transferredWith(answer: Answer): readonly ArrayBuffer[] {
  if (answer.op === 'range') return [answer.result.cells.buffer]
  if (answer.op === 'rollUps') return [answer.cells.buffer]
  return answer.op === 'export' ? [answer.points.buffer] : []
}
