import type { AllowRule } from '../../common/allow-rules.js'
import { FromAgent, type Hello } from '../../proto/gen/headroom/v1/agent.js'
import {
  DiskBackend,
  HypervisorKind,
  Support,
  type HostFacts as WireHostFacts,
  type Inventory as WireInventory,
  type VmFacts as WireVmFacts,
} from '../../proto/gen/headroom/v1/inventory.js'
import type {
  Capability,
  DiskBackend as Backend,
  HostFacts,
  HostIdentity,
  HostKind,
  Inventory,
  VmFacts,
} from '../hypervisor/hypervisor.js'
import { noReading, type ClockReading } from './machine-clock.js'

const kindToWire = {
  kvm: HypervisorKind.HYPERVISOR_KIND_KVM,
  xen: HypervisorKind.HYPERVISOR_KIND_XEN,
  esxi: HypervisorKind.HYPERVISOR_KIND_ESXI,
  storage: HypervisorKind.HYPERVISOR_KIND_STORAGE,
} as const satisfies Record<HostKind, HypervisorKind>

const supportToWire = {
  yes: Support.SUPPORT_YES,
  degraded: Support.SUPPORT_DEGRADED,
  no: Support.SUPPORT_NO,
} as const satisfies Record<Capability['support'], Support>

const backendToWire = {
  file: DiskBackend.DISK_BACKEND_FILE,
  block: DiskBackend.DISK_BACKEND_BLOCK,
  iscsi: DiskBackend.DISK_BACKEND_ISCSI,
  rbd: DiskBackend.DISK_BACKEND_RBD,
  nbd: DiskBackend.DISK_BACKEND_NBD,
  nfs: DiskBackend.DISK_BACKEND_NFS,
  lvm: DiskBackend.DISK_BACKEND_LVM,
  vmfs: DiskBackend.DISK_BACKEND_VMFS,
  other: DiskBackend.DISK_BACKEND_OTHER,
} as const satisfies Record<Backend, DiskBackend>

/** A host as the agent introduces it. */
export interface Introduction {
  readonly identity: HostIdentity
  readonly capabilities: readonly Capability[]
  /** Verbs that can be carried out on it, and why there are no others. */
  readonly verbs?: readonly string[]
  readonly verbsReason?: string
}

/** The largest number that every 64-bit field of the wire can hold. */
const largest = 2 ** 63 - 1024

/** Whole bytes or requests as the wire has them. A total past 2^53 is no longer exact, and stays what the wire can hold. */
export function whole(value: number): bigint {
  return BigInt(Math.min(largest, Math.max(0, Math.trunc(Number.isFinite(value) ? value : 0))))
}

/** The same for what may be absent. What is no such number was not read: it is absent, never 0. */
export function wholeIf(value: number | undefined): bigint | undefined {
  return value === undefined || !Number.isFinite(value) || value < 0 ? undefined : whole(value)
}

/** A small number for a 32-bit field. */
export function small(value: number): number {
  return Number.isFinite(value) ? Math.min(2 ** 32 - 1, Math.max(0, Math.round(value))) : 0
}

/** The same for what may be absent. */
export function smallIf(value: number | undefined): number | undefined {
  return value === undefined || !Number.isFinite(value) || value < 0 ? undefined : small(value)
}

export function encodeMessage(message: FromAgent): Buffer {
  return Buffer.from(FromAgent.encode(message).finish())
}

export function helloToWire(hello: {
  readonly agentId: string
  readonly version: string
  readonly spoolId: string
  readonly nextSeq: number
  readonly oldestSeq: number
  readonly droppedReports: number
  readonly wallMs: number
  readonly answeredAfterMs?: number | undefined
  readonly hosts: readonly Introduction[]
  readonly backlog?: readonly { readonly id: string; readonly oldestSeq: number; readonly nextSeq: number }[]
  readonly clock?: ClockReading
  readonly allow?: readonly AllowRule[]
  /** Of this machine's local time. */
  readonly utcOffsetMinutes?: number
  /** Names of programs that read or write much. */
  readonly bulkPrograms?: readonly string[]
}): FromAgent {
  const { clock = noReading, allow = [] } = hello
  const value: Hello = {
    agentId: hello.agentId,
    version: hello.version,
    spoolId: hello.spoolId,
    nextSeq: whole(hello.nextSeq),
    oldestSeq: whole(hello.oldestSeq),
    droppedReports: whole(hello.droppedReports),
    wallMs: whole(hello.wallMs),
    answeredAfterMs: smallIf(hello.answeredAfterMs),
    hosts: hello.hosts.map(({ identity, capabilities, verbs = [], verbsReason = '' }) => ({
      hostId: identity.hostId,
      name: identity.name,
      kind: kindToWire[identity.kind],
      bootId: identity.bootId,
      simulated: identity.simulated,
      verbs: [...verbs],
      verbsReason,
      capabilities: capabilities.map(({ name, support, reason }) => ({
        name,
        support: supportToWire[support],
        reason: reason ?? '',
      })),
    })),
    allow: [...new Set(allow.flatMap(({ verbs }) => verbs))],
    allowRules: allow.map(({ verbs, vms, window }) => ({
      verbs: [...verbs],
      vms: [...vms],
      window: window && { ...window, days: [...window.days] },
    })),
    utcOffsetMinutes: hello.utcOffsetMinutes ?? 0,
    bulkPrograms: [...(hello.bulkPrograms ?? [])],
    backlog: (hello.backlog ?? []).map(({ id, oldestSeq, nextSeq }) => ({
      spoolId: id,
      oldestSeq: whole(oldestSeq),
      nextSeq: whole(nextSeq),
    })),
    machineBoot: clock.boot,
    clockBaseMs: BigInt(clock.baseMs),
  }
  return { message: { $case: 'hello', value } }
}

export function claimToWire(identity: HostIdentity): { hostId: string; name: string; kind: HypervisorKind } {
  return { hostId: identity.hostId, name: identity.name, kind: kindToWire[identity.kind] }
}

export function inventoryToWire(
  inventory: Inventory,
  { hostId, revision, atMs }: { readonly hostId: string; readonly revision: string; readonly atMs: number },
): FromAgent {
  const value: WireInventory = {
    hostId,
    revision,
    atMs: whole(atMs),
    host: hostFactsToWire(inventory.host),
    vms: inventory.vms.map(vmFactsToWire),
    arrays: inventory.arrays.map(({ key, name, kind, sizeBytes, devices, calibration }) => ({
      key,
      name,
      kind,
      sizeBytes: wholeIf(sizeBytes),
      devices: [...(devices ?? [])],
      calibration: calibration === undefined ? undefined : { ...calibration, atMs: whole(calibration.atMs) },
    })),
  }
  return { message: { $case: 'inventory', value } }
}

function hostFactsToWire(host: HostFacts): WireHostFacts {
  return {
    name: host.name,
    hypervisorVersion: host.hypervisorVersion,
    managementVersion: host.managementVersion ?? '',
    os: host.os ?? '',
    kernel: host.kernel ?? '',
    cpuModel: host.cpuModel ?? '',
    cpuCores: small(host.cpuCores ?? 0),
    cpuThreads: small(host.cpuThreads ?? 0),
    cpuMhz: small(host.cpuMhz ?? 0),
    memoryBytes: whole(host.memoryBytes),
    machine: host.machine ?? '',
    localDisks: (host.localDisks ?? []).map(({ device, model, serial, sizeBytes, rotational }) => ({
      device,
      model,
      serial,
      sizeBytes: whole(sizeBytes),
      rotational,
    })),
    numaNodes: small(host.numaNodes ?? 0),
  }
}

function vmFactsToWire(vm: VmFacts): WireVmFacts {
  return {
    uuid: vm.uuid,
    name: vm.name,
    vcpus: small(vm.vcpus),
    memoryMaxBytes: whole(vm.memoryMaxBytes),
    disks: vm.disks.map((disk) => ({
      target: disk.target,
      source: disk.source,
      arrayKey: disk.arrayKey,
      capacityBytes: wholeIf(disk.capacityBytes),
      allocationBytes: wholeIf(disk.allocationBytes),
      backend: backendToWire[disk.backend],
      readOnly: disk.readOnly,
      removable: disk.removable,
      format: disk.format ?? '',
      cache: disk.cache ?? '',
      bus: disk.bus ?? '',
      serial: disk.serial ?? '',
      unit: disk.unit ?? '',
    })),
    nics: vm.nics.map(({ device, mac, network, model }) => ({
      device,
      mac,
      network: network ?? '',
      model: model ?? '',
    })),
    autostart: vm.autostart,
    persistent: vm.persistent,
    osType: vm.osType ?? '',
    metadata: {
      owner: vm.metadata?.owner ?? '',
      group: vm.metadata?.group ?? '',
      service: vm.metadata?.service ?? '',
      title: vm.metadata?.title ?? '',
      description: vm.metadata?.description ?? '',
    },
    definitionHash: vm.definitionHash ?? '',
  }
}
