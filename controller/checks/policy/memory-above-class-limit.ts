import { formatMemory } from '../../../common/units.js'
import { finding, vmSubject, type Finding } from '../../model/finding.js'
import type { Arrangement } from './placed-fleet.js'

/** VMs that may grow to more than the policy allows their class. */
export function memoryAboveClassLimit({ policy, places }: Arrangement): Finding[] {
  const found: Finding[] = []
  for (const one of places) {
    const limit = one.class === undefined ? undefined : policy.limits.classMemoryBytes[one.class]
    const value = one.memoryMaxBytes
    if (!one.active || limit === undefined || value === undefined || value <= limit) continue
    found.push(
      finding({
        check: 'memory-above-class-limit',
        severity: 'info',
        subject: vmSubject(one),
        message: `it may grow to ${formatMemory(value)}; a VM of the class ${one.class} is to have ${formatMemory(limit)} at most`,
        evidence: [{ entityKind: 'vm', entityId: one.uuid, field: 'memoryMaxBytes', value, limit }],
      }),
    )
  }
  return found
}
