import { finding, vmSubject, type Finding, type Severity } from '../../model/finding.js'
import type { VmClass } from '../../model/policy.js'
import type { Vm } from '../../model/snapshot.js'
import type { PlacedFleet } from '../policy/placed-fleet.js'

/** VMs that went down by a fault and are down since. Nobody but its owner has to act for a personal one. */
export function vmCrashed({ vms }: Pick<PlacedFleet, 'vms'>): Finding[] {
  const found: Finding[] = []
  for (const { vm, place, host } of vms) {
    if (!isDownByFault(vm) || host?.status !== 'up') continue
    const why = vm.stateReason === '' ? '' : ` (${vm.stateReason})`
    found.push(
      finding({
        check: 'vm-crashed',
        severity: severityOf(place.class),
        subject: vmSubject(vm),
        message: `it crashed on ${place.hostName}${why} and is down`,
        evidence: [{ entityKind: 'vm', entityId: vm.uuid, field: 'running', value: 0, limit: 1 }],
      }),
    )
  }
  return found
}

/** libvirt says `crashed` of a guest that panicked and is held; of one whose process died, that it is off, with the reason. */
function isDownByFault({ state, stateReason }: Vm): boolean {
  return state === 'crashed' || (state === 'shutoff' && (stateReason === 'crashed' || stateReason === 'failed'))
}

function severityOf(of: VmClass | undefined): Severity {
  if (of === 'core') return 'critical'
  return of === 'personal' ? 'info' : 'warning'
}
