import { formatMemory } from '../../../common/units.js'
import { finding, vmSubject, type Finding } from '../../model/finding.js'
import { valueOf } from '../../model/snapshot.js'
import type { PlacedFleet } from './placed-fleet.js'

/** VMs that may grow to more than the policy allows their class. */
export function memoryAboveClassLimit({ policy, vms }: PlacedFleet): Finding[] {
  return vms.flatMap((one) => {
    const limit = one.class === undefined ? undefined : policy.limits.classMemoryBytes[one.class]
    const value = valueOf(one.vm.metrics['memoryMaxBytes'])
    if (!one.active || limit === undefined || value === undefined || value <= limit) return []
    return [
      finding({
        check: 'memory-above-class-limit',
        severity: 'info',
        subject: vmSubject(one.vm),
        message: `it may grow to ${formatMemory(value)}; a VM of the class ${one.class} is to have ${formatMemory(limit)} at most`,
        evidence: [{ entityKind: 'vm', entityId: one.vm.uuid, field: 'memoryMaxBytes', value, limit }],
      }),
    ]
  })
}
