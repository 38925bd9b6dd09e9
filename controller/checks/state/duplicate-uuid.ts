import { finding, vmSubject, type Finding } from '../../model/finding.js'
import type { Placement, Snapshot } from '../../model/snapshot.js'
import { hostPartners, namedHosts } from './named-hosts.js'

/**
 * UUIDs that several hosts tell of: under two names they are two VMs, which nothing can tell apart; under one name it is a definition that was left
 * behind, and that runs the VM twice if it is started. What runs twice already is `vm-doubled`.
 */
export function duplicateUuid(snapshot: Snapshot): Finding[] {
  const found: Finding[] = []
  for (const { vmUuid, doubled, hostId, copies } of snapshot.placements.values()) {
    if (copies === undefined) continue
    const vm = snapshot.vms.get(vmUuid)
    const isHeard = copies.every((copy) => snapshot.hosts.get(copy.hostId)?.status === 'up')
    if (vm === undefined || copies.length < 2) continue
    const names = new Set(copies.map(({ name }) => name))
    if (names.size === 1 && doubled) continue
    found.push(
      finding({
        check: 'duplicate-uuid',
        severity: names.size > 1 ? 'warning' : 'info',
        subject: vmSubject(vm),
        // Of a host that is not heard of nobody knows whether it still has it.
        strength: isHeard ? 'raise' : 'keep',
        message: names.size > 1 ? severalVms(snapshot, copies) : leftBehind(snapshot, hostId, copies),
        related: hostPartners(
          snapshot,
          copies.map((copy) => copy.hostId),
        ),
      }),
    )
  }
  return found
}

type Copies = NonNullable<Placement['copies']>

function severalVms({ hosts }: Snapshot, copies: Copies): string {
  const named = copies.map(({ name, hostId }) => `${name} on ${hosts.get(hostId)?.name ?? hostId}`).toSorted()
  return `several VMs have its UUID: ${named.slice(0, 4).join(', ')}; give all but one a UUID of their own`
}

function leftBehind(snapshot: Snapshot, hostId: string, copies: Copies): string {
  const others = copies.filter((copy) => copy.hostId !== hostId).map((copy) => copy.hostId)
  return `it is defined on ${namedHosts(snapshot, others)} too; started there it would run twice`
}
