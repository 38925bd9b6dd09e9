import type { Capacity } from '../../checks/capacity.js'
import type { CapacityView } from '../views.js'
import { findingView } from './finding-view.js'
import { ledgerView } from './host-view.js'

export function capacityView({ at, vmMemoryBytes, hosts, fleet, findings }: Capacity): CapacityView {
  return {
    at,
    vmMemoryBytes,
    hosts: hosts.map(({ host, ledger, failure }) => ({
      name: host.name,
      kind: host.kind,
      status: host.status,
      ...ledgerView(ledger),
      failure: { neededBytes: failure.neededBytes, freeBytes: failure.freeBytes, fits: failure.fits },
    })),
    fleet: { ...fleet },
    findings: findings.map(findingView),
  }
}
