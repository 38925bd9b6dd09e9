import { groupBy } from '../../../common/group-by.js'
import type { Policy, VmClass } from '../../model/policy.js'
import { occupiesMemory, type Disk, type Host, type Snapshot, type Vm } from '../../model/snapshot.js'
import type { VmLabels } from '../../policy/resolve.js'
import { boxesOf, ownDisks, type Box } from '../storage.js'

/** One VM as the rules see it: what it is, where it runs, what it lies on. */
export interface PlacedVm {
  readonly vm: Vm
  readonly name: string
  readonly labels: VmLabels
  readonly class: VmClass | undefined
  readonly host: Host | undefined
  readonly hostName: string
  /** It holds memory of its host. */
  readonly active: boolean
  /** Those that it writes to. */
  readonly disks: readonly Disk[]
  /** Each once. */
  readonly boxes: readonly Box[]
}

/** What all rules work on, made once. */
export interface PlacedFleet {
  readonly snapshot: Snapshot
  readonly policy: Policy
  readonly vms: readonly PlacedVm[]
  /** Active VMs by host id. */
  readonly byHost: ReadonlyMap<string, readonly PlacedVm[]>
  /** By key of the array. */
  readonly boxOf: (arrayKey: string) => Box
}

/** The same object for a VM as long as nothing of it changes, so that what follows from it need not be found out again. */
const placedBefore = new WeakMap<
  Vm,
  { readonly policy: Policy; readonly one: PlacedVm; readonly boxesOfDisks: readonly Box[] }
>()

/** @param labels of all VMs, by UUID */
export function placedFleet(snapshot: Snapshot, policy: Policy, labels: ReadonlyMap<string, VmLabels>): PlacedFleet {
  const boxOf = boxesOf(snapshot, policy)
  const nothing: VmLabels = { class: undefined, group: undefined, owner: undefined, service: undefined }
  const vms = Array.from(snapshot.vms.values(), (vm): PlacedVm => {
    const said = labels.get(vm.uuid) ?? nothing
    const host = snapshot.hosts.get(vm.hostId)
    const disks = ownDisks(vm, snapshot)
    const boxesOfDisks = disks.map(({ arrayKey }) => boxOf(arrayKey))
    const before = placedBefore.get(vm)
    if (
      before?.policy === policy &&
      before.one.labels === said &&
      before.one.host === host &&
      before.one.disks === disks &&
      boxesOfDisks.every((box, at) => box === before.boxesOfDisks[at])
    ) {
      return before.one
    }
    const one: PlacedVm = {
      vm,
      name: vm.name,
      labels: said,
      class: said.class?.value,
      host,
      hostName: host?.name ?? vm.hostId,
      active: occupiesMemory(vm.state),
      disks,
      boxes: [...new Set(boxesOfDisks)],
    }
    placedBefore.set(vm, { policy, one, boxesOfDisks })
    return one
  })
  return {
    snapshot,
    policy,
    vms,
    boxOf,
    byHost: groupBy(
      vms.filter(({ active }) => active),
      ({ vm }) => vm.hostId,
    ),
  }
}
