import { GiB, MiB } from '../../../common/units.js'
import type {
  ArrayRaw,
  FileSystemRaw,
  HostDiskRaw,
  HostRaw,
  HypervisorKind,
  NetworkRaw,
  Sample,
} from '../hypervisor.js'
import { hostTotals, pathTotals } from './counters.js'
import { rootFileSystem, type SimHost, type SimPath, type SimVm } from './entities.js'
import { sampleVm, type Draft, type Reading } from './vm-sample.js'

/** Which VMs to read, and whose disks. */
export interface Choice {
  readonly vmUuids: ReadonlySet<string> | undefined
  /** Decides whose disks are read when disks are asked for; everybody's if absent. */
  readonly hasMoved: ((vm: SimVm) => boolean) | undefined
}

/** One host as a driver would read it at `reading.atMs`, which the world must have reached. */
export function sampleHost(host: SimHost, reading: Reading, choice: Choice): Sample {
  const { groups } = reading
  const onlyDisks = groups.has('block') && [...groups].every((group) => notOfVms.has(group))
  const askVms = onlyDisks || [...groups].some((group) => !notOfVms.has(group))
  const vms = []
  for (const vm of askVms ? host.vms : []) {
    if (choice.vmUuids?.has(vm.uuid) === false) continue
    const withDisks = groups.has('block') && vm.runId !== '' && choice.hasMoved?.(vm) !== false
    if (withDisks || !onlyDisks) vms.push(sampleVm(vm, reading, withDisks))
  }
  const withArrays = groups.has('block') || groups.has('host') || groups.has('canary')
  return {
    vms,
    gaps: [],
    ...(groups.has('host') ? { host: sampleMachine(host, reading) } : {}),
    ...(withArrays ? { arrays: host.paths.map((path) => sampleArray(path, reading)) } : {}),
  }
}

const notOfVms: ReadonlySet<string> = new Set(['block', 'host', 'canary'])

/** Assigned, not spread: this runs for every host of every tick, and spreading so many numbers is slow. */
function sampleMachine(host: SimHost, { atMs, share, can }: Reading): HostRaw {
  const { totals, spec } = host
  const freeBytes = Math.max(0, Math.floor(spec.memoryBytes - overhead[spec.kind] - memoryGiven(host)))
  const idleSeconds = totals.read(hostTotals.idleSeconds, share)
  const iowaitSeconds = totals.read(hostTotals.iowaitSeconds, share)
  const userSeconds = totals.read(hostTotals.userSeconds, share)
  const systemSeconds = totals.read(hostTotals.systemSeconds, share)
  const raw: Draft<HostRaw> = {
    cpuThreads: spec.threads,
    memoryBytes: spec.memoryBytes,
    memoryAvailableBytes: freeBytes,
    memoryFreeBytes: freeBytes,
    uptimeSeconds: (atMs - host.bootedAtMs) / 1000,
    networks: [sampleNetwork(host, share)],
  }
  // vSphere has neither user and system time nor waiting for I/O nor load averages nor swap of its own.
  if (spec.kind === 'esxi') {
    raw.cpuUsedSeconds = userSeconds + systemSeconds
    raw.cpuIdleSeconds = idleSeconds + iowaitSeconds
    return raw
  }
  raw.cpuUserSeconds = userSeconds
  raw.cpuSystemSeconds = systemSeconds
  raw.cpuIdleSeconds = idleSeconds
  raw.cpuIowaitSeconds = iowaitSeconds
  raw.cpuStealSeconds = 0
  if (spec.kind === 'kvm') raw.cpuGuestSeconds = totals.read(hostTotals.guestSeconds, share)
  raw.load1 = host.load1
  raw.load5 = host.load5
  raw.load15 = host.load15
  raw.swapBytes = 2 * GiB
  raw.swapFreeBytes = 2 * GiB
  raw.swapInBytes = 0
  raw.swapOutBytes = 0
  if (can.has('host-psi')) {
    raw.psiCpuSomeSeconds = totals.read(hostTotals.psiCpuSeconds, share)
    raw.psiMemorySomeSeconds = 0
    raw.psiMemoryFullSeconds = 0
    raw.psiIoSomeSeconds = totals.read(hostTotals.psiIoSomeSeconds, share)
    raw.psiIoFullSeconds = totals.read(hostTotals.psiIoFullSeconds, share)
  }
  raw.disks = host.paths.map((path) => sampleDevice(path, share))
  raw.fileSystems = [sampleFileSystem(host)]
  return raw
}

function sampleNetwork({ spec, totals }: SimHost, share: number): NetworkRaw {
  return {
    device: spec.kind === 'esxi' ? 'vmnic0' : 'eth0',
    receiveBytes: totals.readWhole(hostTotals.receiveBytes, share),
    receivePackets: totals.readWhole(hostTotals.receivePackets, share),
    receiveErrors: 0,
    receiveDrops: 0,
    transmitBytes: totals.readWhole(hostTotals.transmitBytes, share),
    transmitPackets: totals.readWhole(hostTotals.transmitPackets, share),
    transmitErrors: 0,
    transmitDrops: 0,
  }
}

function sampleDevice({ device, totals, inFlight }: SimPath, share: number): HostDiskRaw {
  return {
    device,
    readRequests: totals.readWhole(pathTotals.readRequests, share),
    readBytes: totals.readSectors(pathTotals.readBytes, share),
    readSeconds: totals.read(pathTotals.readSeconds, share),
    writeRequests: totals.readWhole(pathTotals.writeRequests, share),
    writeBytes: totals.readSectors(pathTotals.writeBytes, share),
    writeSeconds: totals.read(pathTotals.writeSeconds, share),
    inFlight: Math.round(inFlight),
    busySeconds: totals.read(pathTotals.busySeconds, share),
    flushRequests: totals.readWhole(pathTotals.flushRequests, share),
    flushSeconds: totals.read(pathTotals.flushSeconds, share),
  }
}

/** Totals of this host's VMs on an array, and the time of a small write of the host's own. */
function sampleArray({ array, totals, inFlight }: SimPath, { groups, share, can }: Reading): ArrayRaw {
  const raw: Draft<ArrayRaw> = { key: array.key }
  if (groups.has('block') || groups.has('host')) {
    raw.readRequests = totals.readWhole(pathTotals.readRequests, share)
    raw.readBytes = totals.readSectors(pathTotals.readBytes, share)
    raw.readSeconds = totals.read(pathTotals.readSeconds, share)
    raw.writeRequests = totals.readWhole(pathTotals.writeRequests, share)
    raw.writeBytes = totals.readSectors(pathTotals.writeBytes, share)
    raw.writeSeconds = totals.read(pathTotals.writeSeconds, share)
    raw.inFlight = Math.round(inFlight)
  }
  const { state } = array
  if (groups.has('canary') && can.has('canary')) {
    if (state.frozen) raw.canaryOverdueSeconds = state.frozenMs / 1000
    else raw.canarySeconds = state.writeSeconds
  }
  return raw
}

/** What the hypervisor itself takes: dom0, the host's Linux, the vmkernel. */
const overhead = { kvm: 400 * MiB, xen: 512 * MiB, esxi: 700 * MiB } satisfies Record<HypervisorKind, number>

/** Xen gives a guest all of its memory at once, the others what it touches. */
function memoryGiven(host: SimHost): number {
  const given = (vm: SimVm): number => (host.spec.kind === 'xen' ? vm.spec.memoryBytes : vm.touchedBytes)
  return host.active.reduce((sum, vm) => sum + given(vm), 0)
}

function sampleFileSystem(host: SimHost): FileSystemRaw {
  return {
    mount: '/',
    device: '/dev/sda1',
    type: host.spec.kind === 'xen' ? 'ext3' : 'ext4',
    sizeBytes: rootFileSystem.sizeBytes,
    availableBytes: Math.floor(host.rootFreeBytes),
    files: 1_280_000,
    filesFree: 1_200_000,
    readOnly: false,
  }
}
