import type { Policy, VmClass } from '../../model/policy.js'
import {
  isRunning,
  occupiesMemory,
  valueOf,
  type Host,
  type Nic,
  type Snapshot,
  type Vm,
} from '../../model/snapshot.js'
import { policyIndex } from '../../policy/policy-index.js'
import { labelsOf, type Told, type VmLabels } from '../../policy/resolve.js'
import type { Occupant } from '../memory-ledger.js'
import { isOwnDisk, ownDisks, type Box } from '../storage.js'

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
  /** What it is to its host, by the memory that it may grow to. */
  readonly occupant: Occupant
  /** Those that it writes to. */
  readonly disks: readonly PlacedDisk[]
  /** That its disks are on: several arrays of one box are one, unless its host alone reaches some of them. */
  readonly boxes: readonly Box[]
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
}

/**
 * Finds out where VMs are, one after the other in the order of the snapshot.
 * @param before where VMs were in the last look by the same policy
 */
export function placer(
  { disks }: Pick<Snapshot, 'disks'>,
  policy: Policy,
  boxOf: BoxOf,
  before: readonly Place[],
): (vm: Vm, host: Host | undefined, at: number) => Place {
  const formerOf = finder(before)
  const index = policyIndex(policy)
  return (vm, host, at) => {
    const former = formerOf(vm.uuid, at)
    if (former !== undefined && isStill(former, vm, host) && hasDisks(former, vm, disks, boxOf)) return former
    const isSaid = former !== undefined && saysTheSame(former, vm)
    return placeOf(vm, isSaid ? former.labels : labelsOf(index, vm), host, disks, boxOf)
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

/** All but the disks. */
function isStill(place: Place, vm: Vm, host: Host | undefined): boolean {
  return (
    saysTheSame(place, vm) &&
    place.hostId === vm.hostId &&
    place.hostName === (host?.name ?? vm.hostId) &&
    place.active === occupiesMemory(vm.state) &&
    place.running === isRunning(vm.state) &&
    place.vcpus === vm.vcpus &&
    place.memoryMaxBytes === valueOf(vm.metrics['memoryMaxBytes']) &&
    hasNics(place.nics, vm.nics)
  )
}

function saysTheSame(a: Told, b: Told): boolean {
  return a.name === b.name && a.group === b.group && a.owner === b.owner && a.service === b.service
}

type Disks = Snapshot['disks']
type BoxOf = (arrayKey: string) => Box

/** Whether these are the disks that it writes to, on the boxes that they were on. */
function hasDisks(place: Place, { diskIds }: Vm, disks: Disks, boxOf: BoxOf): boolean {
  let own = 0
  for (const id of diskIds) {
    const disk = disks.get(id)
    if (disk === undefined || !isOwnDisk(disk)) continue
    const before = place.disks[own]
    if (before?.id !== id || before.box !== boxOf(disk.arrayKey)) return false
    own += 1
  }
  return own === place.disks.length
}

function hasNics(placed: readonly PlacedNic[], nics: readonly Nic[]): boolean {
  if (placed.length !== nics.length) return false
  for (let at = 0; at < nics.length; at += 1) {
    if (placed[at]?.mac !== nics[at]?.mac || placed[at]?.network !== nics[at]?.network) return false
  }
  return true
}

function placeOf(vm: Vm, labels: VmLabels, host: Host | undefined, known: Disks, boxOf: BoxOf): Place {
  const { uuid, name, group, owner, service, hostId, state, vcpus } = vm
  const disks = ownDisks(vm, { disks: known }).map(({ id, arrayKey }): PlacedDisk => ({ id, box: boxOf(arrayKey) }))
  const bytes = valueOf(vm.metrics['memoryMaxBytes'])
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
    memoryMaxBytes: bytes,
    occupant: { uuid, name, bytes, tied: disks.some(({ box }) => !box.shared) },
    disks,
    boxes: eachOnce(disks),
    nics: vm.nics.map(({ mac, network }): PlacedNic => ({ mac, network, macLowerCase: mac.toLowerCase() })),
  }
}

/** A rule that joins nothing gives one name to several arrays: it is said once. */
export function boxNames(boxes: readonly Box[]): string[] {
  return [...new Set(boxes.map(({ name }) => name))]
}

function eachOnce(disks: readonly PlacedDisk[]): Box[] {
  const boxes: Box[] = []
  for (const { box } of disks) {
    if (!boxes.some(({ id, shared }) => id === box.id && shared === box.shared)) boxes.push(box)
  }
  return boxes
}
