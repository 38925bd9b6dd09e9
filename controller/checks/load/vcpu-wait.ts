import { vmSubject, type Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import { valueOf, type Vm } from '../../model/snapshot.js'
import { inPercent } from '../in-words.js'
import type { Place } from '../policy/place.js'
import { findingBecause } from '../reasons.js'
import { strengthAbove } from '../strength.js'

/** VMs whose virtual CPUs are ready to run and wait for one of the host's. */
export function vcpuWait(vm: Vm, place: Place, { thresholds }: Policy): Finding | undefined {
  const { above, clearBelow } = thresholds['vcpu-wait']
  const value = valueOf(vm.metrics['vcpuWaitFraction'])
  const { vcpus } = vm
  if (value === undefined || vcpus === undefined || vcpus === 0) return undefined
  // It is added up over all of them.
  const each = value / vcpus
  const strength = strengthAbove(each, above, clearBelow)
  if (strength === undefined) return undefined
  return findingBecause({ check: 'vcpu-wait', subject: vmSubject(vm) }, [
    {
      strength,
      severity: place.class === 'personal' ? 'info' : 'warning',
      text: `its virtual CPUs wait ${inPercent(each)} of the time for a CPU of ${place.hostName}`,
      evidence: { entityKind: 'vm', entityId: vm.uuid, field: 'vcpuWaitFraction', value, limit: above * vcpus },
    },
  ])
}
