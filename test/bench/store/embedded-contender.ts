import { createLog } from '../../../common/log.js'
import { openEmbeddedStore, type EmbeddedStore } from '../../../controller/store/embedded/embedded-store.js'
import type { Contender } from './contender.js'
import { fields } from './workload.js'

const dayMs = 86_400_000

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
      maintainEveryMs: kind === 'real' ? 5000 : 20,
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

  residentBytes(): undefined {
    return undefined
  }

  close(): Promise<void> {
    return this.store.close()
  }
}
