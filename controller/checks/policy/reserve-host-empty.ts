import { finding, vmSubject, type Finding } from '../../model/finding.js'
import { policyIndex } from '../../policy/policy-index.js'
import type { PlacedFleet } from './placed-fleet.js'

/** VMs on hosts that are kept empty for what must move in a hurry. */
export function reserveHostEmpty({ policy, snapshot, byHost }: PlacedFleet): Finding[] {
  const { hostRule } = policyIndex(policy)
  return [...snapshot.hosts.values()].flatMap((host) => {
    if (hostRule(host.name)?.rule.role !== 'reserve') return []
    return (byHost.get(host.id) ?? []).map(({ vm }) =>
      finding({
        check: 'reserve-host-empty',
        severity: 'warning',
        subject: vmSubject(vm),
        message: `it runs on ${host.name}, which is kept in reserve`,
      }),
    )
  })
}
