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
  /** The same of some, where they are read more often or more rarely. */
  readonly intervalsMs?: Readonly<Partial<Record<HealthSourceName, number>>>
  /** For each collector of a reading. */
  readonly deadlineMs: number
  readonly now: () => number
}

/** What reads one source, and how often it wants to be asked. */
export interface HealthLane {
  readonly intervalMs: number
  /** Never rejects. */
  readonly refresh: (signal: AbortSignal) => Promise<void>
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
  readonly #runners: ReadonlyMap<HealthSourceName, CollectorRunner<Readings>>
  readonly #statuses = new Map<HealthSourceName, SourceStatusRaw>()
  readonly #runOf = new Map<HealthSourceName, CollectorRunResult>()
  readonly #found = new Map<HealthSourceName, Found>()
  #latest: StorageHealthRaw | undefined

  constructor(private readonly options: StorageHealthOptions) {
    const { collectors, deadlineMs } = options
    this.#runners = new Map(
      collectors.map((one) => [one.name, new CollectorRunner([asCollector(one)], { deadlineMs })]),
    )
  }

  /** Each source at its own beat: one whose disk hangs holds up no other. */
  get lanes(): readonly HealthLane[] {
    const { intervalMs, intervalsMs } = this.options
    return this.names.map((name) => ({
      intervalMs: intervalsMs?.[name] ?? intervalMs,
      refresh: (signal) => this.#read([name], signal),
    }))
  }

  get names(): readonly HealthSourceName[] {
    return this.options.collectors.map(({ name }) => name)
  }

  /** As it was last read; undefined before each source was once. */
  get latest(): StorageHealthRaw | undefined {
    return this.#latest
  }

  /** How the collectors fared. */
  get runs(): readonly CollectorRunResult[] {
    return this.names.flatMap((name) => this.#runOf.get(name) ?? [])
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

  /** Reads every source. Never rejects. */
  refresh(signal: AbortSignal): Promise<void> {
    return this.#read(this.names, signal)
  }

  async #read(names: readonly HealthSourceName[], signal: AbortSignal): Promise<void> {
    await Promise.all(names.map((name) => this.#readOne(name, signal)))
    const sources = this.names.flatMap((name) => this.#statuses.get(name) ?? [])
    if (signal.aborted || sources.length < this.names.length) return
    this.#latest = {
      sources,
      items: Object.assign({}, noItems, ...[...this.#found.values()].map(({ items }) => items)),
    }
  }

  async #readOne(name: HealthSourceName, signal: AbortSignal): Promise<void> {
    const { host: readings, runs = [] } = (await this.#runners.get(name)?.run(signal)) ?? {}
    const [run] = runs
    if (signal.aborted || run === undefined) return
    this.#runOf.set(name, run)
    this.#statuses.set(name, this.#settled(name, readings?.[name], run.error))
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
