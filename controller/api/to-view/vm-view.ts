import { valueOf, type Disk, type Host, type Metric, type Nic, type Vm } from '../../model/snapshot.js'
import { originText, type VmLabels } from '../../policy/resolve.js'
import type { DiskView, NicView, VmView } from '../views.js'
import { absentMetrics, gapViews, given, knownMetrics, text } from './metrics-view.js'

/** A VM's disk with the name of the array that it is on. */
export interface NamedDisk {
  readonly disk: Disk
  readonly arrayName: string
}

/** All that a VM's view is made of. */
export interface VmParts {
  readonly vm: Vm
  /** Undefined if its host is not known (any more). */
  readonly host: Host | undefined
  readonly disks: readonly NamedDisk[]
  readonly doubled: boolean
  readonly labels: VmLabels | undefined
}

/** A VM is stale when its host is not up or when it could not be read itself. */
export function vmView({ vm, host, disks, doubled, labels }: VmParts): VmView {
  const { metrics } = vm
  const value = (name: string): number | undefined => valueOf(metrics[name])
  return given({
    uuid: vm.uuid,
    revision: vm.revision,
    name: vm.name,
    host: host?.name ?? vm.hostId,
    hostId: vm.hostId,
    kind: host?.kind ?? 'kvm',
    simulated: vm.simulated,
    state: vm.state,
    stateReason: vm.stateReason,
    stateSince: vm.stateSince,
    stale: host?.status !== 'up' || vm.gaps.length > 0,
    doubled,
    class: labels?.class?.value,
    owner: labels?.owner?.value,
    group: labels?.group?.value,
    service: labels?.service?.value,
    labelOrigins: labelOrigins(labels),
    title: text(vm.title),
    vcpus: vm.vcpus,
    autostart: vm.autostart,
    cpuCores: value('cpuCores'),
    memoryBytes: value('memoryBytes'),
    memoryMaxBytes: value('memoryMaxBytes'),
    memoryRssBytes: value('memoryRssBytes'),
    memoryGuestUsedBytes: value('memoryGuestUsedBytes'),
    memoryGuestAt: momentOf(metrics['memoryGuestUsedBytes']),
    readBytesPerSecond: value('readBytesPerSecond'),
    writeBytesPerSecond: value('writeBytesPerSecond'),
    readRequestsPerSecond: value('readRequestsPerSecond'),
    writeRequestsPerSecond: value('writeRequestsPerSecond'),
    readLatencyMs: value('readLatencyMs'),
    writeLatencyMs: value('writeLatencyMs'),
    receiveBytesPerSecond: value('receiveBytesPerSecond'),
    transmitBytesPerSecond: value('transmitBytesPerSecond'),
    metrics: knownMetrics(metrics),
    absent: absentMetrics(metrics),
    disks: disks.map(diskView),
    nics: vm.nics.map(nicView),
    gaps: gapViews(vm.gaps),
    lastSampleAt: vm.lastSampleAt,
  })
}

function labelOrigins(labels: VmLabels | undefined): Record<string, string> {
  const origins: Record<string, string> = {}
  for (const label of ['class', 'group', 'owner', 'service'] as const) {
    const said = labels?.[label]
    if (said !== undefined) origins[label] = originText(said.origin)
  }
  return origins
}

function momentOf(metric: Metric | undefined): number | undefined {
  return metric !== undefined && 'value' in metric ? metric.at : undefined
}

function diskView({ disk, arrayName }: NamedDisk): DiskView {
  return given({
    target: disk.target,
    source: disk.source,
    backend: disk.backend,
    arrayKey: disk.arrayKey,
    arrayName,
    unit: text(disk.unit),
    capacityBytes: disk.capacityBytes,
    allocationBytes: disk.allocationBytes,
    readOnly: disk.readOnly,
    removable: disk.removable,
    format: text(disk.format),
    cache: text(disk.cache),
    bus: text(disk.bus),
    metrics: knownMetrics(disk.metrics),
  })
}

function nicView(nic: Nic): NicView {
  return given({
    device: nic.device,
    mac: nic.mac,
    network: text(nic.network),
    metrics: knownMetrics(nic.metrics),
  })
}
