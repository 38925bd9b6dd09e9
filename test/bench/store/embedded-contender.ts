import { setTimeout as delay } from 'node:timers/promises'

import { createLog } from '../../../common/log.js'
import { openEmbeddedStore, type EmbeddedStore } from '../../../controller/store/embedded/embedded-store.js'
import type { Contender } from './contender.js'
import { fields } from './workload.js'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const maintainEveryMs = { real: 5000, 'of the data': 20 } as const

/** How the store's clock goes: on from its beginning as real ones do, or with the data. */
export type Clock = 'real' | 'of the data'

/** The embedded store with a clock that begins where it is told to. */
export class EmbeddedContender implements Contender {
  readonly name = 'embedded'

  private constructor(
    readonly store: EmbeddedStore,
    private readonly clock: { nowMs: number; readonly beganMs: number; readonly kind: Clock },
  ) {}

  static async open(path: string, nowMs: number, kind: Clock = 'real'): Promise<EmbeddedContender> {
    const clock = { nowMs, beganMs: performance.now(), kind }
    const store = await openEmbeddedStore({
      path,
      log: createLog('bench', 'warn'),
      retention: { rawMs: 3 * dayMs, maxBytes: 64 * 2 ** 30 },
      now: () => clock.nowMs + (kind === 'real' ? performance.now() - clock.beganMs : 0),
      maintainEveryMs: maintainEveryMs[kind],
    })
    return new EmbeddedContender(store, clock)
  }

  async write(points: Parameters<Contender['write']>[0]): Promise<void> {
    if (this.clock.kind === 'of the data') this.passTo(points.at(-1)?.atMs ?? 0)
    await this.store.write({ points, events: [], marks: [] })
  }

  async points(id: string, fromMs: number, toMs: number): Promise<number> {
    const query = { entity: { kind: 'vm', id }, fields, fromMs, toMs, stepMs: 0, agg: 'last' } as const
    return (await this.store.range(query)).rows.length
  }

  top(field: string, fromMs: number, toMs: number): ReturnType<Contender['top']> {
    return this.store.topN({ kind: 'vm', field, agg: 'mean', fromMs, toMs, n: 10 })
  }

  /** Time passes at once. */
  passTo(nowMs: number): void {
    this.clock.nowMs = Math.max(this.clock.nowMs, nowMs)
  }

  /** An hour passes: all is sealed, rolled up and deleted that is due. */
  async settle(): Promise<void> {
    this.passTo(this.clock.nowMs + hourMs)
    // A job that deletes nothing seals; the one after it waits for the store's own work, which its next beat begins.
    await this.store.drop(0)
    await delay(maintainEveryMs[this.clock.kind] + 1000)
    await this.store.drop(0)
  }

  residentBytes(): undefined {
    return undefined
  }

  close(): Promise<void> {
    return this.store.close()
  }
}
