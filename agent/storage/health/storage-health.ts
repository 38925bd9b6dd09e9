import { CollectorRunner, type Collector, type CollectorRunResult } from '../../host/run-collectors.js'
import type { HealthItems, HealthSourceName, SourceStatusRaw, StorageHealthRaw } from './health-raw.js'

/** Reads what one source tells of. */
export interface HealthCollector {
  readonly name: HealthSourceName
  /** Why it cannot be read on this machine at all, as far as that can be said without reading it. */
  unavailable(): Promise<string | undefined>
  /** @throws NotHere, or why it could not be read */
  collect(signal: AbortSignal): Promise<Partial<HealthItems>>
}

/** What a collector reads is not on this machine: nothing is wrong. */
export class NotHere extends Error {
  override readonly name = 'NotHere'
}

export interface StorageHealthOptions {
  readonly collectors: readonly HealthCollector[]
  readonly intervalMs: number
  /** For each collector of a reading. */
  readonly deadlineMs: number
  readonly now: () => number
}

/** Items of a source that fails are told for so long; then nothing is known of it. */
const keptForMs = 3_600_000

interface Found {
  readonly items: Partial<HealthItems>
  readonly atMs: number
}

type Readings = Partial<Record<HealthSourceName, Partial<HealthItems> | NotHere>>

/** Reads the storage's health, each source in a failure domain of its own, and keeps what it found. */
export class StorageHealthReader {
  readonly #runner: CollectorRunner<Readings>
  readonly #found = new Map<HealthSourceName, Found>()
  #latest: StorageHealthRaw | undefined
  #runs: readonly CollectorRunResult[] = []

  constructor(private readonly options: StorageHealthOptions) {
    const { collectors, deadlineMs } = options
    this.#runner = new CollectorRunner(collectors.map(asCollector), { deadlineMs })
  }

  get intervalMs(): number {
    return this.options.intervalMs
  }

  get names(): readonly HealthSourceName[] {
    return this.options.collectors.map(({ name }) => name)
  }

  /** As it was last read; undefined before the first time. */
  get latest(): StorageHealthRaw | undefined {
    return this.#latest
  }

  /** How the collectors fared. */
  get runs(): readonly CollectorRunResult[] {
    return this.#runs
  }

  /** Sources that this machine does not have, with the reason. */
  async unavailable(): Promise<ReadonlyMap<HealthSourceName, string>> {
    const reasons = new Map<HealthSourceName, string>()
    for (const collector of this.options.collectors) {
      const reason = await collector.unavailable()
      if (reason !== undefined) reasons.set(collector.name, reason)
    }
    return reasons
  }

  /** Never rejects. */
  async refresh(signal: AbortSignal): Promise<void> {
    const { host: readings, runs } = await this.#runner.run(signal)
    if (signal.aborted) return
    this.#runs = runs
    const sources = this.names.map((name) => {
      const error = runs.find((run) => run.name === collectorName(name))?.error ?? ''
      return this.#settled(name, readings[name], error)
    })
    this.#latest = {
      sources,
      items: Object.assign({}, noItems, ...[...this.#found.values()].map(({ items }) => items)),
    }
  }

  #settled(name: HealthSourceName, reading: Readings[HealthSourceName], error: string): SourceStatusRaw {
    const atMs = this.options.now()
    if (reading instanceof NotHere) {
      this.#found.delete(name)
      return { name, state: 'not-here', reason: reading.message }
    }
    if (reading !== undefined) {
      this.#found.set(name, { items: reading, atMs })
      return { name, state: 'read', reason: '', readAtMs: atMs }
    }
    const before = this.#found.get(name)
    if (before !== undefined && atMs - before.atMs <= keptForMs) {
      return { name, state: 'failed', reason: error, readAtMs: before.atMs }
    }
    this.#found.delete(name)
    return { name, state: 'failed', reason: error }
  }
}

const noItems: HealthItems = { md: [], 'raid-controller': [], smart: [], lvm: [] }

/** Among those of the machine, which have names such as `diskstats`. */
function collectorName(name: HealthSourceName): string {
  return `health-${name}`
}

function asCollector(collector: HealthCollector): Collector<Readings> {
  return {
    name: collectorName(collector.name),
    async collect(signal) {
      try {
        const reason = await collector.unavailable()
        return { [collector.name]: reason === undefined ? await collector.collect(signal) : new NotHere(reason) }
      } catch (error) {
        if (error instanceof NotHere) return { [collector.name]: error }
        throw error
      }
    },
  }
}
