import type { Policy, VmClass } from '../../model/policy.js'
import {
  isRunning,
  occupiesMemory,
  valueOf,
  type Disk,
  type Host,
  type Nic,
  type Snapshot,
  type Vm,
} from '../../model/snapshot.js'
import { policyIndex } from '../../policy/policy-index.js'
import { labelsOf, type Told, type VmLabels } from '../../policy/resolve.js'
import { isOwnDisk, type Box } from '../storage.js'

/** A VM as the rules of the policy see it: what it is, where it runs, what it lies on. The same object as long as all that stays. */
export interface Place extends Told {
  readonly uuid: string
  readonly labels: VmLabels
  readonly class: VmClass | undefined
  readonly hostId: string
  readonly hostName: string
  /** It holds memory of its host. */
  readonly active: boolean
  readonly running: boolean
  readonly vcpus: number | undefined
  readonly memoryMaxBytes: number | undefined
  /** Those that it writes to. */
  readonly disks: readonly PlacedDisk[]
  /** That its disks are on: several arrays of one box are one, unless its host alone reaches some of them. */
  readonly boxes: readonly Box[]
  /** It has a disk that only its host reaches. */
  readonly tied: boolean
  readonly nics: readonly PlacedNic[]
}

/** An interface of a VM. */
export interface PlacedNic extends Pick<Nic, 'mac' | 'network'> {
  /** As all write it. */
  readonly macLowerCase: string
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
  /** Those of the place, as they are now, in its order. */
  readonly disks: readonly Disk[]
}

/**
 * Finds out where VMs are, one after the other in the order of the snapshot.
 * @param before where VMs were in the last look by the same policy
 */
export function placer(
  { hosts, disks }: Snapshot,
  policy: Policy,
  boxOf: (arrayKey: string) => Box,
  before: readonly Place[],
): (vm: Vm, at: number) => PlacedVm {
  const formerOf = finder(before)
  const index = policyIndex(policy)
  return (vm, at) => {
    const host = hosts.get(vm.hostId)
    const own = ownDisks(vm.diskIds, disks)
    const former = formerOf(vm.uuid, at)
    if (former !== undefined && isStill(former, vm, host, own, boxOf)) return { place: former, vm, host, disks: own }
    const isSaid = former !== undefined && saysTheSame(former, vm)
    const labels = isSaid ? former.labels : labelsOf(index, vm)
    return { place: placeOf(vm, labels, host, own, boxOf), vm, host, disks: own }
  }
}

/** Nearly always a VM stands where it stood in the list. */
function finder(before: readonly Place[]): (uuid: string, at: number) => Place | undefined {
  let byUuid: Map<string, Place> | undefined
  return (uuid, at) => {
    const there = before[at]
    if (there?.uuid === uuid) return there
    byUuid ??= new Map(before.map((one) => [one.uuid, one]))
    return byUuid.get(uuid)
  }
}

function ownDisks(ids: readonly string[], disks: Snapshot['disks']): Disk[] {
  const own: Disk[] = []
  for (const id of ids) {
    const disk = disks.get(id)
    if (disk !== undefined && isOwnDisk(disk)) own.push(disk)
  }
  return own
}

function isStill(
  place: Place,
  vm: Vm,
  host: Host | undefined,
  disks: readonly Disk[],
  boxOf: (arrayKey: string) => Box,
): boolean {
  return (
    saysTheSame(place, vm) &&
    place.hostId === vm.hostId &&
    place.hostName === (host?.name ?? vm.hostId) &&
    place.active === occupiesMemory(vm.state) &&
    place.running === isRunning(vm.state) &&
    place.vcpus === vm.vcpus &&
    place.memoryMaxBytes === valueOf(vm.metrics['memoryMaxBytes']) &&
    hasDisks(place.disks, disks, boxOf) &&
    hasNics(place.nics, vm.nics)
  )
}

function saysTheSame(a: Told, b: Told): boolean {
  return a.name === b.name && a.group === b.group && a.owner === b.owner && a.service === b.service
}

function hasDisks(placed: readonly PlacedDisk[], disks: readonly Disk[], boxOf: (arrayKey: string) => Box): boolean {
  if (placed.length !== disks.length) return false
  for (const [at, { id, arrayKey }] of disks.entries()) {
    const before = placed[at]
    if (before?.id !== id || before.box !== boxOf(arrayKey)) return false
  }
  return true
}

function hasNics(placed: readonly PlacedNic[], nics: readonly Nic[]): boolean {
  if (placed.length !== nics.length) return false
  for (const [at, { mac, network }] of nics.entries()) {
    const before = placed[at]
    if (before?.mac !== mac || before.network !== network) return false
  }
  return true
}

function placeOf(
  vm: Vm,
  labels: VmLabels,
  host: Host | undefined,
  own: readonly Disk[],
  boxOf: (arrayKey: string) => Box,
): Place {
  const { uuid, name, group, owner, service, hostId, state, vcpus } = vm
  const disks = own.map(({ id, arrayKey }): PlacedDisk => ({ id, box: boxOf(arrayKey) }))
  return {
    uuid,
    name,
    group,
    owner,
    service,
    labels,
    class: labels.class?.value,
    hostId,
    hostName: host?.name ?? hostId,
    active: occupiesMemory(state),
    running: isRunning(state),
    vcpus,
    memoryMaxBytes: valueOf(vm.metrics['memoryMaxBytes']),
    disks,
    boxes: eachOnce(disks),
    tied: disks.some(({ box }) => !box.shared),
    nics: vm.nics.map(({ mac, network }): PlacedNic => ({ mac, network, macLowerCase: mac.toLowerCase() })),
  }
}

function eachOnce(disks: readonly PlacedDisk[]): Box[] {
  const boxes: Box[] = []
  for (const { box } of disks) {
    if (!boxes.some(({ id, shared }) => id === box.id && shared === box.shared)) boxes.push(box)
  }
  return boxes
}
