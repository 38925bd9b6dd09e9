import { finding, vmSubject, type Finding } from '../../model/finding.js'
import type { Snapshot } from '../../model/snapshot.js'
import { hostPartners, namedHosts } from './named-hosts.js'

/**
 * VMs that run on more than one host: what they write to a shared disk destroys it. Where one of these hosts is not heard of, it may be over
 * or not: that raises nothing, and ends nothing.
 */
export function vmDoubled(snapshot: Snapshot): Finding[] {
  const found: Finding[] = []
  for (const { vmUuid, doubled, runningOn: heard, copies } of snapshot.placements.values()) {
    if (!doubled && copies === undefined) continue
    const runningOn = doubled ? heard : (copies ?? []).filter(({ runs }) => runs).map(({ hostId }) => hostId)
    const vm = runningOn.length > 1 ? snapshot.vms.get(vmUuid) : undefined
    if (vm === undefined) continue
    found.push(
      finding({
        check: 'vm-doubled',
        severity: 'critical',
        subject: vmSubject(vm),
        strength: doubled ? 'raise' : 'keep',
        message: `it runs on ${namedHosts(snapshot, runningOn)} at once; what both write to a shared disk destroys it`,
        evidence: [{ entityKind: 'vm', entityId: vmUuid, field: 'running', value: runningOn.length, limit: 1 }],
        related: hostPartners(snapshot, runningOn),
      }),
    )
  }
  return found
}
