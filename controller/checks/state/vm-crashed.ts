import { finding, vmSubject, type Finding, type Severity } from '../../model/finding.js'
import type { VmClass } from '../../model/policy.js'
import type { Vm } from '../../model/snapshot.js'
import type { PlacedFleet } from '../policy/placed-fleet.js'

/** VMs that went down by a fault and are down since. Nobody but its owner has to act for a personal one. */
export function vmCrashed({ vms }: Pick<PlacedFleet, 'vms'>): Finding[] {
  return vms.flatMap(({ vm, class: of, host, hostName }) =>
    host?.status !== 'up' || !isDownByFault(vm)
      ? []
      : finding({
          check: 'vm-crashed',
          severity: severityOf(of),
          subject: vmSubject(vm),
          message: `it crashed on ${hostName}${vm.stateReason === '' ? '' : ` (${vm.stateReason})`} and is down`,
          evidence: [{ entityKind: 'vm', entityId: vm.uuid, field: 'running', value: 0, limit: 1 }],
        }),
  )
}

/** libvirt says `crashed` of a guest that panicked and is held; of one whose process died, that it is off, with the reason. */
function isDownByFault({ state, stateReason }: Vm): boolean {
  return state === 'crashed' || (state === 'shutoff' && (stateReason === 'crashed' || stateReason === 'failed'))
}

function severityOf(of: VmClass | undefined): Severity {
  if (of === 'core') return 'critical'
  return of === 'personal' ? 'info' : 'warning'
}
