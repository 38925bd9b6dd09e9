import { performance } from 'node:perf_hooks'

import { DeadlineExceeded } from '../../common/deadline.js'
import type { HostRaw } from '../hypervisor/hypervisor.js'

/** Reads one subject of the machine. What this machine does not have is left out; it is no error. */
export interface Collector<Raw extends object = HostRaw> {
  readonly name: string
  collect(signal: AbortSignal): Promise<Raw>
}

/** How one collector fared in one pass. */
export interface CollectorRunResult {
  readonly name: string
  readonly durationSeconds: number
  readonly success: boolean
  /** Why not; empty if it succeeded. */
  readonly error: string
}

export interface CollectorPass<Raw extends object = HostRaw> {
  /** What all collectors that succeeded have read. */
  readonly host: Raw
  readonly runs: readonly CollectorRunResult[]
}

export interface CollectorRunnerOptions {
  /** For each collector. */
  readonly deadlineMs: number
  /** A clock that never steps, for durations. */
  readonly monotonicMs?: () => number
}

/**
 * Runs collectors side by side. One that throws or takes too long costs only its own figures; one that still runs from
 * an earlier pass is not started again, so that at most one call of each is ever under way.
 */
export class CollectorRunner<Raw extends object = HostRaw> {
  readonly #running = new Set<string>()
  readonly #monotonicMs: () => number
  #skipped = 0

  constructor(
    private readonly collectors: readonly Collector<Raw>[],
    private readonly options: CollectorRunnerOptions,
  ) {
    this.#monotonicMs = options.monotonicMs ?? (() => performance.now())
  }

  /** Runs of single collectors that were left out because the one before had not ended; a total since the start. */
  get skipped(): number {
    return this.#skipped
  }

  /** Never rejects. Ends when the last collector does, at the deadline or when `signal` aborts. */
  async run(signal: AbortSignal): Promise<CollectorPass<Raw>> {
    const pass = startPass(this.options.deadlineMs, signal)
    try {
      const outcomes = await Promise.all(this.collectors.map((collector) => this.#runOne(collector, pass)))
      return { host: Object.assign({}, ...outcomes.map(({ host }) => host)), runs: outcomes.map(({ run }) => run) }
    } finally {
      pass.end()
    }
  }

  async #runOne(collector: Collector<Raw>, pass: Pass): Promise<{ host: Partial<Raw>; run: CollectorRunResult }> {
    const { name } = collector
    if (this.#running.has(name)) {
      this.#skipped += 1
      const error = 'skipped: still running from an earlier pass'
      return { host: {}, run: { name, durationSeconds: 0, success: false, error } }
    }
    const startedMs = this.#monotonicMs()
    const durationSeconds = (): number => Math.max(0, this.#monotonicMs() - startedMs) / 1000
    try {
      const host = await Promise.race([this.#tracked(collector, pass.signal), pass.givenUp])
      return { host, run: { name, durationSeconds: durationSeconds(), success: true, error: '' } }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      return { host: {}, run: { name, durationSeconds: durationSeconds(), success: false, error: message } }
    }
  }

  /** Counts as running until it really ends, which may be long after its deadline. */
  async #tracked(collector: Collector<Raw>, signal: AbortSignal): Promise<Raw> {
    this.#running.add(collector.name)
    try {
      return await collector.collect(signal)
    } finally {
      this.#running.delete(collector.name)
    }
  }
}

/** What ends all collectors of one pass: one timer and one listener, however many they are. */
interface Pass {
  readonly signal: AbortSignal
  /** Rejects at the deadline or when the caller aborts. */
  readonly givenUp: Promise<never>
  end(): void
}

function startPass(deadlineMs: number, signal: AbortSignal): Pass {
  const controller = new AbortController()
  let reject: (reason: unknown) => void = () => undefined
  const givenUp = new Promise<never>((_resolve, fail) => {
    reject = fail
  })
  // Nobody may be waiting for it any more.
  givenUp.catch(() => undefined)
  const giveUp = (reason: unknown): void => {
    reject(reason)
    controller.abort(reason)
  }
  const aborted = (): void => giveUp(signal.reason)
  const timer = setTimeout(() => giveUp(new DeadlineExceeded(`no result within ${deadlineMs} ms`)), deadlineMs)
  if (signal.aborted) aborted()
  else signal.addEventListener('abort', aborted, { once: true })
  return {
    signal: controller.signal,
    givenUp,
    end() {
      clearTimeout(timer)
      signal.removeEventListener('abort', aborted)
    },
  }
}
