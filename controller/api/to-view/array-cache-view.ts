import { remedies } from '../../arrays/remedies.js'
import { cacheFields } from '../../array-watch/cache-points.js'
import { aboutMembers, isBlamed, type AboutOf } from '../../checks/load/array-culprits.js'
import { remedyWords } from '../../checks/load/remedy-words.js'
import type { Suspect } from '../../model/culprits.js'
import type { Snapshot } from '../../model/snapshot.js'
import type { ArrayUser, WatchedArray } from '../../model/watched-array.js'
import type { VmLabels } from '../../policy/resolve.js'
import type { ArrayCacheView } from '../views.js'
import { eventWords } from '../../arrays/array-event-words.js'
import { given } from './metrics-view.js'

const mostVictims = 20

/** @param labels of VMs, by UUID */
export function arrayCacheView(
  watched: WatchedArray,
  snapshot: Pick<Snapshot, 'hosts' | 'vms'>,
  labels: ReadonlyMap<string, VmLabels>,
): ArrayCacheView {
  const { condition, users, culprits, events } = watched
  const { boxId, state, since, fill, capacity, drain, drains, loadClass, burst, overflows, observedSeconds } = condition
  const aboutOf = aboutMembers((uuid) => labels.get(uuid), snapshot)
  const blamed = culprits.suspects.filter(isBlamed)
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
    culprits: given({
      incidentSince: culprits.incidentSince,
      suspects: culprits.suspects.map((suspect) => suspectView(suspect, aboutOf)),
      victims: culprits.victims.slice(0, mostVictims).map((victim) => given({ ...victim })),
      mostBytes: culprits.mostBytes,
    }),
    remedies: remedies(condition, { suspects: blamed }, aboutOf).map((remedy) =>
      given({ action: remedy.action, of: 'of' in remedy ? remedy.of : undefined, text: remedyWords(remedy) }),
    ),
    events: events.map((event) => ({ ...event, text: eventWords(event) })),
    metrics: { ...cacheFields(watched) },
  })
}

function suspectView(suspect: Suspect, aboutOf: AboutOf): ArrayCacheView['culprits']['suspects'][number] {
  const [first] = suspect.members
  const about = suspect.isHerd || first === undefined ? undefined : aboutOf(first)
  return given({
    members: [...suspect.members],
    isHerd: suspect.isHerd,
    inCommon: [...suspect.inCommon],
    class: about?.class,
    owner: about?.owner,
    processes: [...(about?.processes ?? [])],
    since: suspect.since,
    confidence: suspect.confidence,
    blame: suspect.blame,
    shareOfInflow: suspect.shareOfInflow,
    shareOfRequests: suspect.shareOfRequests,
    shareOfWait: suspect.shareOfWait,
    writeBytesPerSecond: suspect.writeBytesPerSecond,
    readBytesPerSecond: suspect.readBytesPerSecond,
    requestsPerSecond: suspect.requestsPerSecond,
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
