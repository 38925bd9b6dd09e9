import { covers, ofLastSize, steadyTrend, type SpacePoint } from '../checks/space/space-trend.js'
import type { Snapshot } from '../model/snapshot.js'
import type { SpaceTrend } from '../model/space-trend.js'
import { fillingOn } from './filling.js'

const windowMs = 15 * 60_000
const pointEveryMs = 150_000
/** Of what was between two points that are further apart nobody knows. */
const longestGapMs = windowMs / 2

/** How file systems and thin pools filled in the last quarter of an hour, from looks at the fleet: what fills one within the hour is in no roll-up yet. */
export class RecentSpace {
  readonly #points = new Map<string, readonly SpacePoint[]>()

  look({ at: atMs, hosts }: Pick<Snapshot, 'at' | 'hosts'>): void {
    for (const host of hosts.values()) {
      if (host.status !== 'up') continue
      for (const { id, sizeBytes, availableBytes } of fillingOn(host)) {
        this.#points.set(id, withPoint(this.#points.get(id) ?? [], { atMs, sizeBytes, availableBytes }))
      }
    }
    // One that is not seen for a moment goes on where it was.
    for (const [id, points] of this.#points) {
      if (atMs - (points.at(-1)?.atMs ?? -Infinity) > longestGapMs) this.#points.delete(id)
    }
  }

  /** Whether it was seen long enough for a trend, if there is one. */
  isKnown(id: string): boolean {
    return covers(this.#points.get(id) ?? [], windowMs)
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
