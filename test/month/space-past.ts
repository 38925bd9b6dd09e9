import { fileSystemId } from '../../controller/model/space-trend.js'
import type { Snapshot } from '../../controller/model/snapshot.js'
import type { RangeQuery, RangeResult } from '../../controller/store/time-series.js'

const hourMs = 3_600_000
const keptMs = 8 * 24 * hourMs

interface Hour {
  readonly atMs: number
  sizeBytes: number
  availableBytes: number
}

/** Stands for the store where trends are read: the least of each hour of every file system that looks at the fleet saw. */
export class SpacePast {
  readonly #hours = new Map<string, Hour[]>()

  look({ at, hosts }: Pick<Snapshot, 'at' | 'hosts'>): void {
    for (const { id, status, fileSystems } of hosts.values()) {
      if (status !== 'up') continue
      for (const { mount, sizeBytes, availableBytes } of fileSystems) {
        const hour = this.#hourAt(fileSystemId(id, mount), at)
        hour.sizeBytes = Math.min(hour.sizeBytes, sizeBytes)
        hour.availableBytes = Math.min(hour.availableBytes, availableBytes)
      }
    }
  }

  /** As a store answers from its roll-ups: hours that are over. */
  async range({ entity, fields, fromMs, toMs, stepMs, agg, tier }: RangeQuery): Promise<RangeResult> {
    if (stepMs !== hourMs || agg !== 'min' || tier !== '1h' || fields.join() !== 'sizeBytes,availableBytes')
      throw new Error(`trends ask for something else now: ${JSON.stringify({ fields, stepMs, agg, tier })}`)
    const over = (this.#hours.get(entity.id) ?? []).filter(({ atMs }) => atMs >= fromMs && atMs + hourMs <= toMs)
    return { fields, rows: over.map(({ atMs, sizeBytes, availableBytes }) => [atMs, sizeBytes, availableBytes]) }
  }

  #hourAt(id: string, atMs: number): Hour {
    const beginMs = Math.floor(atMs / hourMs) * hourMs
    const hours = this.#hours.get(id) ?? []
    this.#hours.set(id, hours)
    const last = hours.at(-1)
    if (last?.atMs === beginMs) return last
    const fresh = { atMs: beginMs, sizeBytes: Infinity, availableBytes: Infinity }
    hours.push(fresh)
    if ((hours[0]?.atMs ?? atMs) < atMs - keptMs) hours.shift()
    return fresh
  }
}
