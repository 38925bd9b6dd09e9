import type { Hello } from '../../proto/gen/headroom/v1/agent.js'
import {
  DiskBackend,
  HypervisorKind,
  Support,
  type ArrayFacts as WireArrayFacts,
  type Calibration as WireCalibration,
  type DiskFacts as WireDiskFacts,
  type Inventory,
  type NicFacts as WireNicFacts,
  type VmFacts as WireVmFacts,
} from '../../proto/gen/headroom/v1/inventory.js'
import type { ArrayFacts, DiskFacts, HostHello, InventoryObservation, NicFacts, VmFacts } from '../model/observation.js'
import type { Calibration, Capability, HypervisorKind as Kind } from '../model/snapshot.js'
import type { ClockReading } from './clock-offset.js'
import type { FieldCheck } from './field-check.js'

/** Bounds of what one agent may say. */
export const wireLimits = {
  maxMessageBytes: 4 * 1024 * 1024,
  maxVmsPerReport: 4096,
  maxReportsInFlight: 64,
  maxHostsPerAgent: 256,
  maxSpoolsPerAgent: 256,
  maxDisksPerVm: 256,
  maxNicsPerVm: 64,
  maxDevicesPerHost: 4096,
  maxArraysPerHost: 1024,
  maxEventsPerReport: 1024,
  maxGapsPerReport: 8192,
} as const

const kinds: Readonly<Record<HypervisorKind, Kind | undefined>> = {
  [HypervisorKind.HYPERVISOR_KIND_UNSPECIFIED]: undefined,
  [HypervisorKind.HYPERVISOR_KIND_KVM]: 'kvm',
  [HypervisorKind.HYPERVISOR_KIND_XEN]: 'xen',
  [HypervisorKind.HYPERVISOR_KIND_ESXI]: 'esxi',
  [HypervisorKind.HYPERVISOR_KIND_STORAGE]: 'storage',
  [HypervisorKind.UNRECOGNIZED]: undefined,
}

const supports: Readonly<Record<Support, Capability['support'] | undefined>> = {
  [Support.SUPPORT_UNSPECIFIED]: undefined,
  [Support.SUPPORT_YES]: 'yes',
  [Support.SUPPORT_DEGRADED]: 'degraded',
  [Support.SUPPORT_NO]: 'no',
  [Support.UNRECOGNIZED]: undefined,
}

/** The hosts of a hello. A host without a usable id or kind is left out. */
export function hostsFromWire(hello: Hello, check: FieldCheck): HostHello[] {
  const hosts = check.list('hello.hosts', hello.hosts, wireLimits.maxHostsPerAgent).flatMap((host) => {
    const hostId = check.id('hello.host_id', host.hostId)
    const kind = kinds[host.kind] ?? check.refuse('hello.kind')
    if (hostId === undefined || kind === undefined) return []
    const capabilities = check.list('hello.capabilities', host.capabilities, 256).flatMap((one) => {
      const support = supports[one.support] ?? check.refuse('capability.support')
      const name = check.key('capability.name', one.name, 64)
      if (support === undefined || name === undefined) return []
      return [{ name, support, reason: check.text('capability.reason', one.reason) }]
    })
    return [
      {
        hostId,
        name: check.text('hello.name', host.name, 128),
        kind,
        bootId: check.text('hello.boot_id', host.bootId, 64),
        simulated: host.simulated,
        capabilities: check.unique('capability.name', capabilities, (one) => one.name),
      },
    ]
  })
  return [...check.unique('hello.host_id', hosts, (host) => host.hostId)]
}

/** How the agent's clock stood when it said this. What cannot be is refused, and says nothing. */
export function clockFromWire(
  { machineBoot: boot, clockBaseMs }: Pick<Hello, 'machineBoot' | 'clockBaseMs'>,
  check: FieldCheck,
): ClockReading {
  const baseMs = Number(clockBaseMs)
  if (Number.isSafeInteger(baseMs)) return { boot, baseMs }
  check.refuse('clock_base_ms')
  return { boot: 0, baseMs: 0 }
}

/** @returns undefined if it names no host */
export function inventoryFromWire(
  inventory: Inventory,
  check: FieldCheck,
  at: number,
): InventoryObservation | undefined {
  const hostId = check.id('inventory.host_id', inventory.hostId)
  const host = inventory.host ?? check.refuse('inventory.host')
  if (hostId === undefined || host === undefined) return undefined
  const optionalCount = (field: string, value: number): number | undefined => check.count(field, value) || undefined
  return {
    hostId,
    revision: check.text('inventory.revision', inventory.revision, 128),
    at,
    host: {
      name: check.text('host.name', host.name, 128),
      hypervisorVersion: check.text('host.hypervisor_version', host.hypervisorVersion),
      managementVersion: check.text('host.management_version', host.managementVersion),
      os: check.text('host.os', host.os),
      kernel: check.text('host.kernel', host.kernel),
      machine: check.text('host.machine', host.machine),
      cpuModel: check.text('host.cpu_model', host.cpuModel),
      cpuCores: optionalCount('host.cpu_cores', host.cpuCores),
      cpuThreads: optionalCount('host.cpu_threads', host.cpuThreads),
      cpuMhz: optionalCount('host.cpu_mhz', host.cpuMhz),
      memoryBytes: check.count('host.memory_bytes', host.memoryBytes) || undefined,
      localDisks: check.list('host.local_disks', host.localDisks, wireLimits.maxDevicesPerHost).map((disk) => ({
        device: check.text('local_disk.device', disk.device),
        model: check.text('local_disk.model', disk.model),
        serial: check.text('local_disk.serial', disk.serial),
        sizeBytes: check.count('local_disk.size_bytes', disk.sizeBytes) ?? 0,
        rotational: disk.rotational,
      })),
    },
    vms: check.unique(
      'vm.uuid',
      check
        .list('inventory.vms', inventory.vms, wireLimits.maxVmsPerReport)
        .flatMap((vm) => vmFactsFromWire(vm, check)),
      (vm) => vm.uuid,
    ),
    arrays: check.unique(
      'array.key',
      check
        .list('inventory.arrays', inventory.arrays, wireLimits.maxArraysPerHost)
        .flatMap((array) => arrayFactsFromWire(array, check)),
      (array) => array.key,
    ),
  }
}

function vmFactsFromWire(vm: WireVmFacts, check: FieldCheck): VmFacts[] {
  const uuid = check.uuid('vm.uuid', vm.uuid)
  const name = check.key('vm.name', vm.name)
  if (uuid === undefined || name === undefined) return []
  return [
    {
      uuid,
      name,
      // No VM has none of these: it is not known.
      vcpus: check.count('vm.vcpus', vm.vcpus) || undefined,
      memoryMaxBytes: check.count('vm.memory_max_bytes', vm.memoryMaxBytes) || undefined,
      disks: check.unique(
        'disk.target',
        check.list('vm.disks', vm.disks, wireLimits.maxDisksPerVm).flatMap((disk) => diskFactsFromWire(disk, check)),
        (disk) => disk.target,
      ),
      nics: check.unique(
        'nic.device',
        check.list('vm.nics', vm.nics, wireLimits.maxNicsPerVm).flatMap((nic) => nicFactsFromWire(nic, check)),
        (nic) => nic.device,
      ),
      autostart: vm.autostart,
      osType: check.text('vm.os_type', vm.osType),
      owner: check.text('metadata.owner', vm.metadata?.owner ?? ''),
      group: check.text('metadata.group', vm.metadata?.group ?? ''),
      service: check.text('metadata.service', vm.metadata?.service ?? ''),
      title: check.text('metadata.title', vm.metadata?.title ?? ''),
    },
  ]
}

function nicFactsFromWire(nic: WireNicFacts, check: FieldCheck): NicFacts[] {
  // The VM is off: its interface has no device on the host yet.
  if (nic.device === '') return []
  const device = check.key('nic.device', nic.device, 64)
  if (device === undefined) return []
  return [
    {
      device,
      mac: check.text('nic.mac', nic.mac, 32),
      network: check.text('nic.network', nic.network),
      model: check.text('nic.model', nic.model, 64),
    },
  ]
}

/** `DISK_BACKEND_ISCSI` as `iscsi`; what a newer agent may say, as `other`. */
function backendFromWire(backend: DiskBackend, check: FieldCheck): string {
  if (backend === DiskBackend.DISK_BACKEND_UNSPECIFIED) return 'other'
  if (backend !== DiskBackend.UNRECOGNIZED) return backend.replace(/^DISK_BACKEND_/, '').toLowerCase()
  check.refuse('disk.backend')
  return 'other'
}

function diskFactsFromWire(disk: WireDiskFacts, check: FieldCheck): DiskFacts[] {
  const target = check.key('disk.target', disk.target, 64)
  if (target === undefined) return []
  return [
    {
      target,
      source: check.text('disk.source', disk.source, 1024),
      backend: backendFromWire(disk.backend, check),
      arrayKey: check.text('disk.array_key', disk.arrayKey, 384),
      unit: check.text('disk.unit', disk.unit),
      capacityBytes: check.count('disk.capacity_bytes', disk.capacityBytes),
      allocationBytes: check.count('disk.allocation_bytes', disk.allocationBytes),
      readOnly: disk.readOnly,
      removable: disk.removable,
      format: check.text('disk.format', disk.format, 64),
      cache: check.text('disk.cache', disk.cache, 64),
      bus: check.text('disk.bus', disk.bus, 64),
    },
  ]
}

function arrayFactsFromWire(array: WireArrayFacts, check: FieldCheck): ArrayFacts[] {
  const key = check.key('array.key', array.key, 384)
  if (key === undefined) return []
  return [
    {
      key,
      name: check.text('array.name', array.name) || key,
      kind: check.text('array.kind', array.kind, 64),
      sizeBytes: check.count('array.size_bytes', array.sizeBytes),
      calibration: array.calibration === undefined ? undefined : calibrationFromWire(array.calibration, check),
    },
  ]
}

/** Deviation of the logarithm: what is less sure than by a factor of seven or so says nothing. */
const mostSpread = 2

/** All of it or nothing. */
function calibrationFromWire(one: WireCalibration, check: FieldCheck): Calibration | undefined {
  const at = check.count('calibration.at_ms', one.atMs)
  const capacityBytes = positive('calibration.capacity_bytes', one.capacityBytes, check)
  const drainBytesPerSecond = positive('calibration.drain_bytes_per_second', one.drainBytesPerSecond, check)
  const capacitySpread = positive('calibration.capacity_spread', one.capacitySpread, check, mostSpread)
  const drainSpread = positive('calibration.drain_spread', one.drainSpread, check, mostSpread)
  if (at === undefined || capacityBytes === undefined || drainBytesPerSecond === undefined) return undefined
  if (capacitySpread === undefined || drainSpread === undefined) return undefined
  return { at, capacityBytes, capacitySpread, drainBytesPerSecond, drainSpread }
}

function positive(field: string, value: number, check: FieldCheck, max?: number): number | undefined {
  const real = check.real(field, value, max)
  return real === 0 ? check.refuse(field) : real
}
