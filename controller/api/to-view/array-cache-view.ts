import { rankSuspects } from '../../checks/load/array-suspects.js'
import { cacheFields } from '../../array-watch/cache-points.js'
import type { Snapshot } from '../../model/snapshot.js'
import type { ArrayUser, WatchedArray } from '../../model/watched-array.js'
import type { ArrayCacheView } from '../views.js'
import { given } from './metrics-view.js'

export function arrayCacheView(watched: WatchedArray, snapshot: Pick<Snapshot, 'hosts' | 'vms'>): ArrayCacheView {
  const { condition, users } = watched
  const { boxId, state, since, fill, capacity, drain, drains, loadClass, burst, overflows, observedSeconds } = condition
  return given({
    box: boxId,
    state,
    since,
    fillBytes: fill,
    capacityBytes: state === 'write-through' ? undefined : capacity,
    drainBytesPerSecond: drain,
    drains: { ...drains },
    loadClass,
    inflowBytesPerSecond: condition.inflowBytesPerSecond,
    secondsToSaturation: condition.secondsToSaturation,
    burst: given({
      roomBytes: burst.room,
      bulkCopyBytesPerSecond: burst.bulkCopyBytesPerSecond,
      bulkCopies: burst.bulkCopies,
      secondsForTwoCopies: burst.secondsForTwoCopies,
    }),
    overflows,
    observedSeconds,
    users: users.map((user) => ({ ...user, name: nameOf(user, snapshot), ...withoutNegatives(user) })),
    suspects: rankSuspects(watched, snapshot).flatMap(({ subject: { kind, id, name }, share }) =>
      kind === 'vm' || kind === 'host' ? [{ kind, id, name, share }] : [],
    ),
    metrics: { ...cacheFields(watched) },
  })
}

function nameOf({ kind, id }: ArrayUser, { hosts, vms }: Pick<Snapshot, 'hosts' | 'vms'>): string {
  return (kind === 'vm' ? vms : hosts).get(id)?.name ?? id
}

/** A host and its VMs are read at different moments: what is less than nothing is nothing. */
function withoutNegatives(user: ArrayUser): Pick<ArrayUser, `${string}PerSecond` & keyof ArrayUser> {
  return {
    writeBytesPerSecond: Math.max(0, user.writeBytesPerSecond),
    readBytesPerSecond: Math.max(0, user.readBytesPerSecond),
    requestsPerSecond: Math.max(0, user.requestsPerSecond),
  }
}
