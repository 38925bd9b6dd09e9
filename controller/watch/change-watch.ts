import { Counter, type Registry } from 'prom-client'

import type { Log } from '../../common/log.js'
import type { FleetChange, FleetReader } from '../fleet/fleet-reader.js'
import type { RecentChanges } from '../model/recent-changes.js'
import type { FleetEvent, Snapshot } from '../model/snapshot.js'
import type { StateStore } from '../store/state-store.js'
import { changesOfRows, rowsOfChanges } from './change-rows.js'
import { beginWatch, watchStep, type Watched } from './watch-step.js'

interface ChangeWatchOptions {
  readonly fleet: FleetReader
  readonly state: StateStore
  readonly registry: Registry
  readonly log: Log
}

/** Between two looks, which are a second apart; more than that many are a flood, and the oldest go. */
const mostWaitingEvents = 20_000

/**
 * Owner of what became of VMs, hosts and agents of late. It compares each snapshot that it is shown with the one before, and with what events told
 * in between; what is to outlive the program it keeps in the state store.
 */
export class ChangeWatch {
  readonly #events: FleetEvent[] = []
  readonly #unsubscribe: () => void
  readonly #dropped: Counter<'of'>
  readonly #failures: Counter
  #saving: Promise<void> | undefined

  private constructor(
    private readonly options: ChangeWatchOptions,
    private watched: Watched,
    private saved: ReadonlyMap<string, unknown>,
  ) {
    const registers = [options.registry]
    this.#dropped = new Counter({
      name: 'headroom_changes_dropped_total',
      help: 'Events, and changes that are remembered, that gave way because there were too many',
      labelNames: ['of'],
      registers,
    })
    this.#failures = new Counter({
      name: 'headroom_changes_save_failures_total',
      help: 'Times that changes of VMs and hosts could not be kept for the next start',
      registers,
    })
    this.#unsubscribe = options.fleet.subscribe((change) => this.#happened(change))
  }

  /** Reads what was kept. To be opened before agents come: what is there then is what later looks are compared with. */
  static async open(options: ChangeWatchOptions): Promise<ChangeWatch> {
    const { state, fleet, log } = options
    const rows = await state.tx((tx) => tx.list('recentChanges'))
    const kept = changesOfRows(rows, (key) => log.warn({ key }, 'a remembered change cannot be read'))
    const saved = new Map([...rows.map(({ key }) => [key, undefined] as const), ...rowsOfChanges(kept)])
    return new ChangeWatch(options, beginWatch(fleet.snapshot(), kept), saved)
  }

  /** What became of the fleet up to this snapshot, the newest: the same object as long as nothing changes. */
  changes(snapshot: Snapshot): RecentChanges {
    if (snapshot === this.watched.snapshot && this.#events.length === 0) return this.watched.changes
    const before = this.watched
    this.watched = watchStep(before, snapshot, this.#events.splice(0))
    if (this.watched.dropped > before.dropped)
      this.#dropped.inc({ of: 'changes' }, this.watched.dropped - before.dropped)
    if (this.watched.changes !== before.changes) this.#save()
    return this.watched.changes
  }

  /** Resolves when what is to be kept is durable, or could not be made so. */
  async stop(): Promise<void> {
    this.#unsubscribe()
    this.#save()
    while (this.#saving !== undefined) await this.#saving
  }

  #happened({ events, lateEvents }: FleetChange): void {
    this.#events.push(...events, ...lateEvents)
    const surplus = this.#events.length - mostWaitingEvents
    if (surplus <= 0) return
    this.#events.splice(0, surplus)
    this.#dropped.inc({ of: 'events' }, surplus)
  }

  /** One at a time, and then what changed meanwhile. What could not be written is tried again with the next change. */
  #save(): void {
    if (this.#saving !== undefined) return
    const rows = rowsOfChanges(this.watched.changes)
    const put = [...rows].filter(([key, value]) => this.saved.get(key) !== value)
    const gone = [...this.saved.keys()].filter((key) => !rows.has(key))
    if (put.length + gone.length === 0) return
    const { state, log } = this.options
    let isSaved = false
    this.#saving = state
      .tx(async (tx) => {
        for (const [key, value] of put) await tx.put('recentChanges', key, value)
        for (const key of gone) await tx.delete('recentChanges', key)
      })
      .then(() => {
        this.saved = rows
        isSaved = true
      })
      .catch((error: unknown) => {
        this.#failures.inc()
        log.warn({ err: error }, 'what changed of late could not be kept for the next start')
      })
      .finally(() => {
        this.#saving = undefined
        if (isSaved) this.#save()
      })
  }
}
