import type { MemoryLedger } from '../../checks/memory-ledger.js'
import {
  valueOf,
  type ExportedLun,
  type Host,
  type HostDisk,
  type HostNetwork,
  type Metric,
} from '../../model/snapshot.js'
import type { HostView, LedgerView } from '../views.js'
import { absentMetrics, gapViews, given, knownMetrics, text } from './metrics-view.js'
import { storageHealthViewOf } from './storage-health.js'

/** All that a host's view is made of. */
export interface HostParts {
  readonly host: Host
  readonly ledger: MemoryLedger
  readonly vms: number
  readonly runningVms: number
}

export function hostView({ host, ledger, vms, runningVms }: HostParts): HostView {
  return given({
    id: host.id,
    revision: host.revision,
    name: host.name,
    kind: host.kind,
    simulated: host.simulated,
    status: host.status,
    statusSince: host.statusSince,
    lastReportAt: host.lastReportAt,
    agentId: host.agentId,
    hypervisorVersion: host.hypervisorVersion,
    os: text(host.os),
    kernel: text(host.kernel),
    machine: text(host.machine),
    cpuModel: text(host.cpuModel),
    cpuCores: host.cpuCores,
    cpuThreads: host.cpuThreads,
    memoryBytes: valueOf(host.memoryBytes),
    ledger: ledgerView(ledger),
    vms,
    runningVms,
    clockOffsetMs: host.clockOffsetMs,
    metrics: knownMetrics(host.metrics),
    absent: absentMetrics({ ...host.metrics, memoryBytes: host.memoryBytes }),
    capabilities: host.capabilities.map(({ name, support, reason }) => ({ name, support, reason })),
    gaps: gapViews(host.gaps),
    fileSystems: host.fileSystems.map((fileSystem) => ({ ...fileSystem })),
    unreadFileSystems: host.unreadFileSystems.map((one) => ({ ...one })),
    disks: host.disks.map(deviceView),
    networks: host.networks.map(deviceView),
    exports: host.exports?.map(exportView),
    busyProcesses: host.busyProcesses?.map((one) => ({ ...one })),
    storageHealth: host.storageHealth === undefined ? undefined : storageHealthViewOf(host.storageHealth),
  })
}

/** Figures that are not known are left out: all of spare, room and shortage where the host's memory or that of a VM is not known. */
export function ledgerView({ memory, configuredBytes, reserveBytes, balance }: MemoryLedger): LedgerView {
  return {
    ...('value' in memory && { memoryBytes: memory.value, memoryAt: memory.at, memorySource: memory.source }),
    configuredBytes,
    reserveBytes,
    ...('room' in balance && balance),
  }
}

function exportView({
  arrayKey,
  lun,
  backing,
  metrics,
  sessions,
}: ExportedLun): NonNullable<HostView['exports']>[number] {
  return {
    arrayKey,
    lun,
    backing,
    metrics: knownMetrics(metrics),
    sessions: sessions.map((session) => given({ ...session })),
  }
}

function deviceView({ device, ...metrics }: HostDisk | HostNetwork): {
  device: string
  metrics: Record<string, number>
} {
  return { device, metrics: knownMetrics({ ...metrics } satisfies Record<string, Metric>) }
}
