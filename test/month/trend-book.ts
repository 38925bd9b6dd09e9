import { spaceTrend, type SpacePoint } from '../../controller/checks/space/space-trend.js'
import { fileSystemId, type SpaceTrend } from '../../controller/model/space-trend.js'
import type { Snapshot } from '../../controller/model/snapshot.js'

const hourMs = 3_600_000
const bucketMs = 2 * hourMs
const pastMs = 7 * 24 * hourMs

interface Bucket {
  readonly fromMs: number
  looks: number
  sizeBytes: number
  availableBytes: number
}

/** What the controller reads from its store: how file systems filled in the last seven days, by means of two hours, learnt anew each hour. */
export class TrendBook {
  readonly #buckets = new Map<string, Bucket[]>()
  #learntMs = -Infinity
  #current: ReadonlyMap<string, SpaceTrend> = new Map()

  /** By `fileSystemId`, as known at the moment of the snapshot. */
  look(snapshot: Pick<Snapshot, 'at' | 'hosts'>): ReadonlyMap<string, SpaceTrend> {
    for (const { id, status, fileSystems } of snapshot.hosts.values()) {
      if (status !== 'up') continue
      for (const { mount, sizeBytes, availableBytes } of fileSystems) {
        const bucket = this.#bucketAt(fileSystemId(id, mount), snapshot.at)
        bucket.looks += 1
        bucket.sizeBytes += sizeBytes
        bucket.availableBytes += availableBytes
      }
    }
    if (snapshot.at - this.#learntMs >= hourMs) {
      this.#learntMs = snapshot.at
      this.#current = this.#learn(snapshot.at)
    }
    return this.#current
  }

  #bucketAt(id: string, atMs: number): Bucket {
    const fromMs = Math.floor(atMs / bucketMs) * bucketMs
    const buckets = this.#buckets.get(id) ?? []
    this.#buckets.set(id, buckets)
    const last = buckets.at(-1)
    if (last?.fromMs === fromMs) return last
    const fresh: Bucket = { fromMs, looks: 0, sizeBytes: 0, availableBytes: 0 }
    buckets.push(fresh)
    if ((buckets[0]?.fromMs ?? fromMs) < atMs - pastMs) buckets.shift()
    return fresh
  }

  #learn(atMs: number): ReadonlyMap<string, SpaceTrend> {
    const learnt = new Map<string, SpaceTrend>()
    for (const [id, buckets] of this.#buckets) {
      const whole = buckets.filter(({ fromMs }) => fromMs + bucketMs <= atMs)
      const trend = spaceTrend(
        whole.map(({ fromMs, looks, sizeBytes, availableBytes }): SpacePoint => ({
          atMs: fromMs,
          sizeBytes: sizeBytes / looks,
          availableBytes: availableBytes / looks,
        })),
      )
      if (trend !== undefined) learnt.set(id, trend)
    }
    return learnt
  }
}
