import { Backoff } from '../../../common/backoff.js'
import { pause } from '../../../common/lifecycle.js'
import { inOneLine } from '../problems.js'
import { Durability } from './durability.js'
import type { Outbox } from './outbox.js'
import type { Sink } from './sink.js'
import { RunLength, runsOf } from './window-runs.js'

/**
 * Brings what the outbox holds to the server, as long as it answers: points in order, then the windows of roll-ups that they changed.
 * Three loops with one stop; each retries by itself and none calls another.
 */
export class Shipping {
  readonly #stop = new AbortController()
  readonly #durability: Durability
  readonly #runLength = new RunLength()
  #wake: () => void = () => undefined
  readonly #firstLook: Promise<void>
  #hasTriedToLook: () => void = () => undefined
  #hasLooked = false
  #isClear = true
  #problems: Readonly<Record<'sending' | 'looking' | 'rollingUp', string>> = { sending: '', looking: '', rollingUp: '' }

  constructor(
    private readonly outbox: Outbox,
    private readonly sink: Sink,
    private readonly now: () => number,
    /** Something of the health has changed. */
    private readonly onChange: () => void,
  ) {
    this.#durability = new Durability(sink.traits.durableAfterMs)
    this.#firstLook = new Promise((resolve) => (this.#hasTriedToLook = resolve))
  }

  start(): void {
    this.outbox.onCommit(() => this.#wake())
    void this.#sendLoop()
    void this.#lookLoop()
    void this.#rollUpLoop()
  }

  /** At once: the outbox is not touched any more. */
  stop(): void {
    this.#stop.abort()
    this.#wake()
    this.sink.close()
  }

  async #sendLoop(): Promise<void> {
    const backoff = new Backoff({ baseMs: 250, capMs: 10_000 })
    const { signal } = this.#stop
    let isPrepared = false
    await this.#firstLook
    while (!signal.aborted) {
      const wasPrepared = isPrepared
      let hasSent = true
      const problem = await problemOf(async () => {
        if (!isPrepared) await this.sink.prepare()
        hasSent = await this.#sendNext()
      })
      if (signal.aborted) return
      isPrepared = problem === ''
      if (problem === '' && !hasSent && wasPrepared) {
        await this.#nextCommit()
        continue
      }
      this.#found('sending', problem)
      if (isPrepared) backoff.reset()
      else await pause(backoff.nextMs(), signal)
    }
  }

  /** Sends a shipment; false if none waits. @throws Error saying what went wrong */
  async #sendNext(): Promise<boolean> {
    const { outbox, sink } = this
    // What is sent before the first look could be lost unseen.
    if (!this.#hasLooked) throw new Error(this.#problems.looking)
    if (this.#stop.signal.aborted) return false
    const shipment = outbox.nextShipment()
    if (shipment === undefined) return false
    outbox.sending(shipment)
    const outcome = await sink.write(shipment.points)
    if (this.#stop.signal.aborted) return true
    if (outcome.is === 'failed') {
      outbox.failed()
      throw new Error(outcome.problem)
    }
    outbox.sent(shipment, outcome.refused, sink.traits.durableAfterMs === 0)
    this.onChange()
    return true
  }

  #nextCommit(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
      if (this.#stop.signal.aborted) resolve()
    })
  }

  async #lookLoop(): Promise<void> {
    const { signal } = this.#stop
    const backoff = new Backoff({ baseMs: 500, capMs: this.sink.traits.lookEveryMs })
    while (!signal.aborted) {
      const problem = await problemOf(() => this.#look())
      if (signal.aborted) return
      this.#found('looking', problem)
      this.#hasTriedToLook()
      if (problem === '') backoff.reset()
      await pause(problem === '' ? this.sink.traits.lookEveryMs : backoff.nextMs(), signal)
    }
  }

  async #look(): Promise<void> {
    const atMs = this.now()
    const look = await this.sink.look()
    if (this.#stop.signal.aborted) return
    const { hasRestarted, confirmedBeforeMs } = this.#durability.take({ atMs, ...look })
    if (hasRestarted) this.outbox.rewind()
    else if (confirmedBeforeMs !== undefined && this.sink.traits.durableAfterMs > 0)
      this.outbox.confirm(confirmedBeforeMs)
    this.#hasLooked = true
    this.#isClear = look.isClear && look.isComplete
    this.outbox.looked(look)
    if (hasRestarted) this.#wake()
    this.onChange()
  }

  async #rollUpLoop(): Promise<void> {
    const { signal } = this.#stop
    const { rollUpEveryMs } = this.sink.traits
    const backoff = new Backoff({ baseMs: rollUpEveryMs, capMs: 60_000 })
    while (!signal.aborted) {
      await pause(rollUpEveryMs, signal)
      if (signal.aborted || !this.#isClear || this.#problems.sending !== '' || this.#problems.looking !== '') continue
      const problem = await problemOf(() => this.#rollUp())
      if (signal.aborted) return
      this.#found('rollingUp', problem === '' ? '' : `roll-ups: ${problem}`)
      if (problem === '') backoff.reset()
      else await pause(backoff.nextMs(), signal)
    }
  }

  async #rollUp(): Promise<void> {
    const { durableAfterMs } = this.sink.traits
    for (const run of runsOf(this.outbox.dueWindows(), this.#runLength.most)) {
      const sinceMs = this.now()
      try {
        await this.sink.rollUp(this.outbox.numbered(run))
      } catch (error) {
        this.#runLength.failed(run.length)
        throw error
      }
      if (this.#stop.signal.aborted) return
      this.#runLength.done(run.length)
      this.outbox.computed(run, sinceMs)
      if (durableAfterMs === 0) this.outbox.confirm(Infinity)
      this.onChange()
    }
  }

  /** Remembers what goes wrong. */
  #found(doing: 'sending' | 'looking' | 'rollingUp', problem: string): void {
    const before = this.#problems
    this.#problems = { ...before, [doing]: problem }
    if (before[doing] === problem) return
    const { sending, looking, rollingUp } = this.#problems
    const all = inOneLine([sending, looking, rollingUp])
    this.outbox.serverProblem = all === '' ? '' : `${this.sink.traits.name}: ${all}`
    this.onChange()
  }
}

async function problemOf(work: () => Promise<void>): Promise<string> {
  try {
    await work()
    return ''
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
