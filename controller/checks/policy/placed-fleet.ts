import { groupBy } from '../../../common/group-by.js'
import type { Policy, VmClass } from '../../model/policy.js'
import { occupiesMemory, valueOf, type Host, type Snapshot, type Vm } from '../../model/snapshot.js'
import type { VmLabels } from '../../policy/resolve.js'
import { boxesOf, isOwnDisk, ownDisks, type Box } from '../storage.js'

/** A VM as the rules of the policy see it: what it is, where it runs, what it lies on. The same object as long as all that stays. */
export interface Place {
  readonly uuid: string
  readonly name: string
  readonly labels: VmLabels
  readonly class: VmClass | undefined
  readonly hostId: string
  readonly hostName: string
  /** It holds memory of its host. */
  readonly active: boolean
  readonly vcpus: number | undefined
  readonly memoryMaxBytes: number | undefined
  /** Those that it writes to. */
  readonly disks: readonly PlacedDisk[]
  /** That its disks are on, each once. */
  readonly boxes: readonly Box[]
}

interface PlacedDisk {
  /** Key into the snapshot's disks. */
  readonly id: string
  readonly box: Box
}

/** A VM with its figures of now. */
export interface PlacedVm {
  readonly place: Place
  readonly vm: Vm
  readonly host: Host | undefined
}

/** Where all VMs are: the same object as long as nothing of that changes, so that what follows from it need not be found out again. */
export interface Arrangement {
  readonly policy: Policy
  readonly places: readonly Place[]
  /** Active VMs by host id. */
  readonly byHost: ReadonlyMap<string, readonly Place[]>
  /** VMs with a disk that only their host reaches, by UUID. */
  readonly tied: ReadonlySet<string>
}

/** What all rules work on, made once. */
export interface PlacedFleet {
  readonly snapshot: Snapshot
  readonly policy: Policy
  readonly vms: readonly PlacedVm[]
  readonly arrangement: Arrangement
  /** By key of the array. */
  readonly boxOf: (arrayKey: string) => Box
}

/** As it was in the last look by a policy. */
const arrangements = new WeakMap<Policy, Arrangement>()

/** @param labels of all VMs, by UUID */
export function placedFleet(snapshot: Snapshot, policy: Policy, labels: ReadonlyMap<string, VmLabels>): PlacedFleet {
  const boxOf = boxesOf(snapshot, policy)
  const before = arrangements.get(policy)
  const formerOf = finder(before?.places ?? [])
  const vms: PlacedVm[] = []
  for (const vm of snapshot.vms.values()) {
    const said = labels.get(vm.uuid) ?? nothingSaid
    vms.push(placedVm(vm, said, snapshot, boxOf, formerOf(vm.uuid, vms.length)))
  }
  const arrangement = arrangementOf(vms, policy, before)
  arrangements.set(policy, arrangement)
  return { snapshot, policy, vms, arrangement, boxOf }
}

const nothingSaid: VmLabels = { class: undefined, group: undefined, owner: undefined, service: undefined }

/** Finds where a VM was in the look before. Nearly always it stands where it stood in the list. */
function finder(before: readonly Place[]): (uuid: string, at: number) => Place | undefined {
  let byUuid: Map<string, Place> | undefined
  return (uuid, at) => {
    const there = before[at]
    if (there?.uuid === uuid) return there
    byUuid ??= new Map(before.map((one) => [one.uuid, one]))
    return byUuid.get(uuid)
  }
}

function placedVm(
  vm: Vm,
  labels: VmLabels,
  { hosts, disks }: Snapshot,
  boxOf: (arrayKey: string) => Box,
  former: Place | undefined,
): PlacedVm {
  const host = hosts.get(vm.hostId)
  const where = hasDisks(former, vm, disks, boxOf) ? former : undefined
  return { place: placeOf(vm, labels, host, where ?? disksOf(vm, disks, boxOf), former), vm, host }
}

type Disks = Snapshot['disks']

/** Whether these are the disks that a VM writes to, on the boxes that they were on. */
function hasDisks(former: Place | undefined, { diskIds }: Vm, disks: Disks, boxOf: (arrayKey: string) => Box): boolean {
  if (former === undefined) return false
  let own = 0
  for (const id of diskIds) {
    const disk = disks.get(id)
    if (disk === undefined || !isOwnDisk(disk)) continue
    const before = former.disks[own]
    if (before?.id !== id || before.box !== boxOf(disk.arrayKey)) return false
    own += 1
  }
  return own === former.disks.length
}

function disksOf(vm: Vm, disks: Disks, boxOf: (arrayKey: string) => Box): Pick<Place, 'disks' | 'boxes'> {
  const own = ownDisks(vm, { disks }).map(({ id, arrayKey }): PlacedDisk => ({ id, box: boxOf(arrayKey) }))
  return { disks: own, boxes: [...new Set(own.map(({ box }) => box))] }
}

function placeOf(
  vm: Vm,
  labels: VmLabels,
  host: Host | undefined,
  { disks, boxes }: Pick<Place, 'disks' | 'boxes'>,
  former: Place | undefined,
): Place {
  const { uuid, name, hostId, vcpus } = vm
  const hostName = host?.name ?? hostId
  const active = occupiesMemory(vm.state)
  const memoryMaxBytes = valueOf(vm.metrics['memoryMaxBytes'])
  if (
    former !== undefined &&
    former.uuid === uuid &&
    former.name === name &&
    former.labels === labels &&
    former.hostId === hostId &&
    former.hostName === hostName &&
    former.active === active &&
    former.vcpus === vcpus &&
    former.memoryMaxBytes === memoryMaxBytes &&
    former.disks === disks
  ) {
    return former
  }
  return {
    uuid,
    name,
    labels,
    class: labels.class?.value,
    hostId,
    hostName,
    active,
    vcpus,
    memoryMaxBytes,
    disks,
    boxes,
  }
}

function arrangementOf(vms: readonly PlacedVm[], policy: Policy, former: Arrangement | undefined): Arrangement {
  if (former?.places.length === vms.length && vms.every(({ place }, at) => place === former.places[at])) return former
  const places = vms.map(({ place }) => place)
  const active = places.filter((one) => one.active)
  const tied = places.filter(({ boxes }) => boxes.some(({ shared }) => !shared))
  return {
    policy,
    places,
    byHost: groupBy(active, ({ hostId }) => hostId),
    tied: new Set(tied.map(({ uuid }) => uuid)),
  }
}
