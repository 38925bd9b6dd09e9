import { groupBy } from '../../../common/group-by.js'
import type { Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import type { Snapshot, Vm } from '../../model/snapshot.js'
import type { VmLabels } from '../../policy/resolve.js'
import { BoxDrafts, isSeen, type BoxLoad } from '../load/box-load.js'
import { vcpuWait } from '../load/vcpu-wait.js'
import { vmMemoryPressure } from '../load/vm-memory-pressure.js'
import { Occupancy, type Occupants } from '../memory-ledger.js'
import { boxesOf, type Box } from '../storage.js'
import { vmCrashed } from '../state/vm-crashed.js'
import { placer, type Place } from './place.js'

/** Where all VMs are: the same object as long as nothing of that changes, so that what follows from it need not be found out again. */
export interface Arrangement {
  readonly policy: Policy
  readonly places: readonly Place[]
  /** Active VMs by host id. The list of a host, or of a box, is the same object as long as nothing of it changes. */
  readonly byHost: ReadonlyMap<string, readonly Place[]>
  /** Active VMs by id of the boxes that their disks are on. */
  readonly byBox: ReadonlyMap<string, readonly Place[]>
  /** By UUID; the same object as long as nothing of these changes. */
  readonly labels: ReadonlyMap<string, VmLabels>
}

/** What all checks work on, made once. */
export interface PlacedFleet {
  readonly snapshot: Snapshot
  readonly policy: Policy
  readonly arrangement: Arrangement
  /** By key of the array. */
  readonly boxOf: (arrayKey: string) => Box
  readonly occupants: Occupants
  /** By id of the box. */
  readonly loads: ReadonlyMap<string, BoxLoad>
  /** What checks of single VMs find, exceptions not yet taken out. */
  readonly ofVms: readonly Finding[]
}

/** Of running VMs that can be read. Nearly all are well: then nothing is made. */
const vmChecks = [vmMemoryPressure, vcpuWait] as const satisfies readonly ((
  vm: Vm,
  place: Place,
  policy: Policy,
) => Finding | undefined)[]

/** As it was in the last look by a policy. */
const arrangements = new WeakMap<Policy, Arrangement>()

/**
 * Sees all VMs in one pass: to fetch what a VM says of itself takes longer than to judge it, so that all that looks at every VM does so while that is at
 * hand. The rest works on what is made here.
 */
export function placedFleet(snapshot: Snapshot, policy: Policy): PlacedFleet {
  const before = arrangements.get(policy)
  const boxOf = boxesOf(snapshot, policy)
  const placed = placer(snapshot, policy, boxOf, before?.places ?? [])
  const occupancy = new Occupancy(snapshot.placements)
  const drafts = new BoxDrafts(snapshot, boxOf)
  const places: Place[] = []
  const ofVms: Finding[] = []
  for (const vm of snapshot.vms.values()) {
    const host = snapshot.hosts.get(vm.hostId)
    const place = placed(vm, host, places.length)
    places.push(place)
    occupancy.add(vm, place)
    const crashed = vmCrashed(vm, place, host)
    if (crashed !== undefined) ofVms.push(crashed)
    if (!isSeen(vm, host)) continue
    drafts.add(place)
    for (const check of vmChecks) {
      const found = check(vm, place, policy)
      if (found !== undefined) ofVms.push(found)
    }
  }
  const arrangement = arrangementOf(places, policy, before)
  arrangements.set(policy, arrangement)
  const { occupants } = occupancy
  return { snapshot, policy, arrangement, boxOf, occupants, loads: drafts.loads(arrangement.byBox), ofVms }
}

function arrangementOf(places: readonly Place[], policy: Policy, former: Arrangement | undefined): Arrangement {
  if (former !== undefined && isSameList(places, former.places)) return former
  const active = places.filter((one) => one.active)
  return {
    policy,
    places,
    byHost: withFormer(
      groupBy(active, ({ hostId }) => hostId),
      former?.byHost,
    ),
    byBox: withFormer(usersOfBoxes(active), former?.byBox),
    labels: labelsOfAll(places, former),
  }
}

function usersOfBoxes(active: readonly Place[]): Map<string, readonly Place[]> {
  const users = new Map<string, Place[]>()
  for (const one of active) {
    for (const { id } of one.boxes) {
      const list = users.get(id)
      if (list === undefined) users.set(id, [one])
      else if (list.at(-1) !== one) list.push(one)
    }
  }
  return users
}

function isSameList(places: readonly Place[], before: readonly Place[]): boolean {
  return places.length === before.length && places.every((one, at) => one === before[at])
}

type Lists = ReadonlyMap<string, readonly Place[]>

function withFormer(lists: Map<string, readonly Place[]>, former: Lists | undefined): Lists {
  for (const [key, list] of lists) {
    const before = former?.get(key)
    if (before !== undefined && isSameList(list, before)) lists.set(key, before)
  }
  return lists
}

function labelsOfAll(places: readonly Place[], former: Arrangement | undefined): Arrangement['labels'] {
  const isSame = ({ uuid, labels }: Place, at: number): boolean => {
    const before = former?.places[at]
    return before?.uuid === uuid && before.labels === labels
  }
  if (former?.places.length === places.length && places.every(isSame)) return former.labels
  return new Map(places.map(({ uuid, labels }) => [uuid, labels]))
}
