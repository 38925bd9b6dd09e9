import { finding, vmSubject, type Finding } from '../../model/finding.js'
import { policyIndex } from '../../policy/policy-index.js'
import type { Arrangement } from './placed-fleet.js'

/** VMs on hosts that are kept empty for what must move in a hurry. */
export function reserveHostEmpty({ policy, byHost }: Arrangement): Finding[] {
  const { hostRule } = policyIndex(policy)
  return [...byHost.values()].flatMap((together) => {
    const hostName = together[0]?.hostName ?? ''
    if (hostRule(hostName)?.rule.role !== 'reserve') return []
    return together.map((one) =>
      finding({
        check: 'reserve-host-empty',
        severity: 'warning',
        subject: vmSubject(one),
        message: `it runs on ${hostName}, which is kept in reserve`,
      }),
    )
  })
}
