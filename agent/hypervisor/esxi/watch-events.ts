import type { EventKind, HypervisorEvent, VmStateReason } from '../hypervisor.js'
import type { WatchedVm, WatchedVms } from './vm-watch.js'

/**
 * What happened on one host between two looks at all VMs. vSphere says that a VM is off, not why; a VM that went from one
 * host to another has been migrated.
 */
export function eventsBetween(
  before: WatchedVms,
  after: WatchedVms,
  { hostId, atMs }: { readonly hostId: string; readonly atMs: number },
): readonly HypervisorEvent[] {
  const events: HypervisorEvent[] = []
  const tell = (vm: WatchedVm, kind: EventKind, reason: VmStateReason): void => {
    events.push({ atMs, kind, reason, vmUuid: vm.uuid, vmName: vm.name })
  }
  for (const [id, vm] of before) {
    if (vm.hostId !== hostId) continue
    const now = after.get(id)
    if (now?.hostId === hostId && now.uuid === vm.uuid) changed(vm, now, tell)
    else {
      if (vm.power === 'on') tell(vm, 'stopped', now === undefined ? 'unknown' : 'migrated')
      tell(vm, 'undefined', now === undefined ? 'unknown' : 'migrated')
    }
  }
  for (const [id, vm] of after) {
    const known = before.get(id)
    if (vm.hostId !== hostId || (known?.hostId === hostId && known.uuid === vm.uuid)) continue
    tell(vm, 'defined', known === undefined ? 'unknown' : 'migrated')
    if (vm.power !== 'on') continue
    if (known?.power === 'on') tell(vm, 'resumed', 'migrated')
    else tell(vm, 'started', 'booted')
  }
  return events
}

function changed(
  vm: WatchedVm,
  now: WatchedVm,
  tell: (vm: WatchedVm, kind: EventKind, reason: VmStateReason) => void,
): void {
  if (now.name !== vm.name || now.changeVersion !== vm.changeVersion) tell(now, 'defined', 'unknown')
  const restarted =
    now.power === 'on' && vm.power === 'on' && vm.bootedAtMs !== undefined && now.bootedAtMs !== undefined
      ? now.bootedAtMs > vm.bootedAtMs
      : false
  if (restarted) tell(now, 'stopped', 'unknown')
  if (now.power === 'on' && (restarted || vm.power !== 'on')) {
    tell(now, 'started', vm.power === 'suspended' ? 'restored' : 'booted')
  }
  if (vm.power === 'on' && (now.power === 'off' || now.power === 'suspended')) {
    tell(now, 'stopped', now.power === 'suspended' ? 'saved' : 'unknown')
  }
}
