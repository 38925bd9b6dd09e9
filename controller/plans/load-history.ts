import { weekLoad, historyFrom, type PastHour } from '../planner/live/week-load.js'
import type { TimeSeries } from '../store/time-series.js'

interface Options {
  readonly store: Pick<TimeSeries, 'range'>
  readonly now: () => number
  /** Of the clock by which people work: that of this machine. */
  readonly utcOffsetMinutes: () => number
}

const weeks = 4
const hourMs = 3_600_000
const dayMs = 86_400_000
/** VMs whose past is kept until the day is over. */
const mostKept = 50_000

/**
 * What VMs do with CPUs over a week, by their past in the store, which follows their UUID. It is read once a day for each VM, one after the other; who asks
 * waits for a while, and gets what is read by then.
 */
export class LoadHistory {
  readonly #read = new Map<string, readonly number[] | undefined>()
  #day = 0
  #turn: Promise<unknown> = Promise.resolve()

  constructor(private readonly options: Options) {}

  /**
   * @param withinMs how long to wait for what is not read yet
   * @returns cores by part of the week, by UUID, of those with enough of a past
   * @throws whatever the store throws
   */
  async of(uuids: Iterable<string>, withinMs: number): Promise<ReadonlyMap<string, readonly number[]>> {
    const wanted = [...uuids]
    const until = performance.now() + withinMs
    const reading = this.#turn.then(() => this.#readMissing(wanted, until))
    this.#turn = reading.catch(() => undefined)
    await reading
    return new Map(
      wanted.flatMap((uuid) => {
        const load = this.#read.get(uuid)
        return load === undefined ? [] : [[uuid, load] as const]
      }),
    )
  }

  async #readMissing(uuids: readonly string[], until: number): Promise<void> {
    const now = this.options.now()
    const day = Math.floor(now / dayMs)
    if (day !== this.#day || this.#read.size >= mostKept) this.#read.clear()
    this.#day = day
    for (const uuid of uuids) {
      if (performance.now() >= until) return
      if (!this.#read.has(uuid)) this.#read.set(uuid, await this.#ask(uuid, now))
    }
  }

  async #ask(uuid: string, now: number): Promise<readonly number[] | undefined> {
    const { rows } = await this.options.store.range({
      entity: { kind: 'vm', id: uuid },
      fields: ['cpuCores'],
      agg: 'p95',
      fromMs: historyFrom(now, weeks),
      toMs: Math.floor(now / hourMs) * hourMs,
      stepMs: hourMs,
    })
    const hours = rows.flatMap(([atMs, cores]): PastHour[] =>
      typeof atMs === 'number' && typeof cores === 'number' ? [{ atMs, cores }] : [],
    )
    return weekLoad(hours, this.options.utcOffsetMinutes())
  }
}
