import type { Capacity } from '../../checks/capacity.js'
import type { Finding } from '../../model/finding.js'
import type { CapacityView } from '../views.js'
import { findingView } from './finding-view.js'
import { ledgerView } from './host-view.js'

/** @param findings those of `capacity`, as the policy settles them */
export function capacityView(
  { at, vmMemoryBytes, hosts, fleet }: Omit<Capacity, 'findings' | 'storageServers'>,
  findings: readonly Finding[],
): CapacityView {
  return {
    at,
    vmMemoryBytes,
    hosts: hosts.map(({ host, ledger, failure }) => ({
      name: host.name,
      kind: host.kind,
      status: host.status,
      ...ledgerView(ledger),
      failure: {
        neededBytes: failure.neededBytes,
        freeBytes: failure.freeBytes,
        fits: failure.fits,
        restartable: { neededBytes: failure.restartable.neededBytes, fits: failure.restartable.fits },
        lost: { bytes: failure.lost.bytes, vms: [...failure.lost.names] },
      },
    })),
    fleet: { ...fleet },
    findings: findings.map(findingView),
  }
}
