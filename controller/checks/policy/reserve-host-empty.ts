import { finding, vmSubject, type Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import { policyIndex } from '../../policy/policy-index.js'
import type { Place } from './place.js'

/** VMs on a host that is kept empty for what must move in a hurry. */
export function reserveHostEmpty(together: readonly Place[], policy: Policy): Finding[] {
  const hostName = together[0]?.hostName ?? ''
  if (policyIndex(policy).hostRule(hostName)?.rule.role !== 'reserve') return []
  return together.map((one) =>
    finding({
      check: 'reserve-host-empty',
      severity: 'warning',
      subject: vmSubject(one),
      message: `it runs on ${hostName}, which is kept in reserve`,
    }),
  )
}
