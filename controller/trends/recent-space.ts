import { ofLastSize, steadyTrend, type SpacePoint } from '../checks/space/space-trend.js'
import type { Snapshot } from '../model/snapshot.js'
import { fileSystemId, type SpaceTrend } from '../model/space-trend.js'

const windowMs = 15 * 60_000
const pointEveryMs = 150_000
/** Of what was between two points that are further apart nobody knows. */
const longestGapMs = windowMs / 2

/** How file systems filled in the last quarter of an hour, from looks at the fleet: what fills one within the hour is in no roll-up yet. */
export class RecentSpace {
  readonly #points = new Map<string, readonly SpacePoint[]>()

  look({ at: atMs, hosts }: Pick<Snapshot, 'at' | 'hosts'>): void {
    const there = new Set<string>()
    for (const { id: hostId, status, fileSystems } of hosts.values()) {
      if (status !== 'up') continue
      for (const { mount, sizeBytes, availableBytes } of fileSystems) {
        const id = fileSystemId(hostId, mount)
        there.add(id)
        this.#points.set(id, withPoint(this.#points.get(id) ?? [], { atMs, sizeBytes, availableBytes }))
      }
    }
    for (const id of this.#points.keys()) if (!there.has(id)) this.#points.delete(id)
  }

  /** @param lowBytes the least that it had in its past */
  trend(id: string, lowBytes: number | undefined): SpaceTrend | undefined {
    return steadyTrend(ofLastSize(this.#points.get(id) ?? []), windowMs, lowBytes)
  }
}

function withPoint(points: readonly SpacePoint[], point: SpacePoint): readonly SpacePoint[] {
  const sinceMs = point.atMs - (points.at(-1)?.atMs ?? -Infinity)
  if (sinceMs >= 0 && sinceMs < pointEveryMs) return points
  if (sinceMs < 0 || sinceMs > longestGapMs) return [point]
  // Looks are not made on the dot.
  return [...points.filter(({ atMs }) => point.atMs - atMs <= windowMs + pointEveryMs / 2), point]
}
