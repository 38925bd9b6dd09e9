import { groupBy } from '../../../common/group-by.js'
import type { Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import type { Snapshot } from '../../model/snapshot.js'
import type { VmLabels } from '../../policy/resolve.js'
import { BoxDrafts, isSeen, type BoxLoad } from '../load/box-load.js'
import { vcpuWait } from '../load/vcpu-wait.js'
import { vmMemoryPressure } from '../load/vm-memory-pressure.js'
import { Occupancy, type Occupants } from '../memory-ledger.js'
import { boxesOf, type Box } from '../storage.js'
import { placer, type Place, type PlacedVm } from './place.js'

/** Where all VMs are: the same object as long as nothing of that changes, so that what follows from it need not be found out again. */
export interface Arrangement {
  readonly policy: Policy
  readonly places: readonly Place[]
  /** Active VMs by host id. The list of a host, or of a box, is the same object as long as nothing of it changes. */
  readonly byHost: ReadonlyMap<string, readonly Place[]>
  /** Active VMs of a class with disks on storage that other hosts reach, by id of the box. */
  readonly bySharedBox: ReadonlyMap<string, readonly Place[]>
  /** By UUID; the same object as long as nothing of these changes. */
  readonly labels: ReadonlyMap<string, VmLabels>
}

/** What all checks work on, made once. */
export interface PlacedFleet {
  readonly snapshot: Snapshot
  readonly policy: Policy
  readonly vms: readonly PlacedVm[]
  readonly arrangement: Arrangement
  /** By key of the array. */
  readonly boxOf: (arrayKey: string) => Box
  readonly occupants: Occupants
  /** By id of the box. */
  readonly loads: ReadonlyMap<string, BoxLoad>
  /** What is said of single VMs and of nothing else, exceptions not yet taken out. */
  readonly ofVms: readonly Finding[]
}

/** Of running VMs that can be read. */
const vmChecks = [vmMemoryPressure, vcpuWait] as const satisfies readonly ((
  vm: PlacedVm,
  policy: Policy,
) => readonly Finding[])[]

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
  const drafts = new BoxDrafts(snapshot.arrays.values(), boxOf)
  const vms: PlacedVm[] = []
  const ofVms: Finding[] = []
  for (const vm of snapshot.vms.values()) {
    const one = placed(vm, vms.length)
    vms.push(one)
    occupancy.add(one)
    if (!isSeen(one)) continue
    drafts.add(one)
    for (const check of vmChecks) ofVms.push(...check(one, policy))
  }
  const arrangement = arrangementOf(vms, policy, before)
  arrangements.set(policy, arrangement)
  const { occupants } = occupancy
  return { snapshot, policy, vms, arrangement, boxOf, occupants, loads: drafts.loads(), ofVms }
}

function arrangementOf(vms: readonly PlacedVm[], policy: Policy, former: Arrangement | undefined): Arrangement {
  if (former?.places.length === vms.length && vms.every(({ place }, at) => place === former.places[at])) return former
  const places = vms.map(({ place }) => place)
  const active = places.filter((one) => one.active)
  return {
    policy,
    places,
    byHost: withFormer(
      groupBy(active, ({ hostId }) => hostId),
      former?.byHost,
    ),
    bySharedBox: withFormer(usersOfShared(active), former?.bySharedBox),
    labels: labelsOfAll(places, former),
  }
}

function usersOfShared(active: readonly Place[]): Map<string, readonly Place[]> {
  const users = new Map<string, Place[]>()
  for (const one of active) {
    if (one.class === undefined) continue
    for (const { id, shared } of one.boxes) {
      const list = shared ? users.get(id) : undefined
      if (list !== undefined) list.push(one)
      else if (shared) users.set(id, [one])
    }
  }
  return users
}

type Lists = ReadonlyMap<string, readonly Place[]>

function withFormer(lists: Map<string, readonly Place[]>, former: Lists | undefined): Lists {
  for (const [key, list] of lists) {
    const before = former?.get(key)
    if (before?.length === list.length && list.every((one, at) => one === before[at])) lists.set(key, before)
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
