import { finding, vmSubject, type Finding, type Severity } from '../../model/finding.js'
import type { VmClass } from '../../model/policy.js'
import type { Host, Vm } from '../../model/snapshot.js'
import type { Place } from '../policy/place.js'

/** VMs that went down by a fault and are down since. Nobody but its owner has to act for a personal one. */
export function vmCrashed(vm: Vm, place: Place, host: Host | undefined): Finding | undefined {
  if (!isDownByFault(vm) || host?.status !== 'up') return undefined
  const why = vm.stateReason === '' ? '' : ` (${vm.stateReason})`
  return finding({
    check: 'vm-crashed',
    severity: severityOf(place.class),
    subject: vmSubject(vm),
    message: `it crashed on ${place.hostName}${why} and is down`,
    evidence: [{ entityKind: 'vm', entityId: vm.uuid, field: 'running', value: 0, limit: 1 }],
  })
}

/** libvirt says `crashed` of a guest that panicked and is held; of one whose process died, that it is off, with the reason. */
function isDownByFault({ state, stateReason }: Vm): boolean {
  return state === 'crashed' || (state === 'shutoff' && (stateReason === 'crashed' || stateReason === 'failed'))
}

function severityOf(of: VmClass | undefined): Severity {
  if (of === 'core') return 'critical'
  return of === 'personal' ? 'info' : 'warning'
}
