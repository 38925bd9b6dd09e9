import type { CapabilityName } from '../../../common/capabilities.js'
import type { DiskRaw, NicRaw, SampleGroup, VmRaw } from '../hypervisor.js'
import { vmTotals } from './counters.js'
import type { SimVm } from './entities.js'
import { stateTold } from './esxi-words.js'
import { diskTargetOf, nicDeviceOf } from './vm-facts.js'

/** A record that is being filled in. */
export type Draft<Type> = { -readonly [Key in keyof Type]: Type[Key] }

/** What is asked, what the driver can answer, and when. */
export interface Reading {
  readonly groups: ReadonlySet<SampleGroup>
  readonly can: ReadonlySet<CapabilityName>
  readonly atMs: number
  /** Share of the world's last step that has passed. */
  readonly share: number
}

/** One VM as a driver would read it. A VM that is off has a state and a size, nothing more. */
export function sampleVm(vm: SimVm, reading: Reading, withDisks: boolean): VmRaw {
  const { groups, can, share } = reading
  const { totals, spec } = vm
  const raw: Draft<VmRaw> = { uuid: vm.uuid, runId: vm.runId, atMs: reading.atMs }
  if (groups.has('state')) {
    const told = stateTold(vm.path.host.spec.kind, vm)
    raw.state = told.state
    raw.stateReason = told.stateReason
  }
  if (groups.has('mem-size')) raw.memoryMaxBytes = spec.memoryBytes
  if (vm.runId === '') return raw

  if (groups.has('cpu')) {
    raw.cpuSeconds = totals.read(vmTotals.cpuSeconds, share)
    raw.vcpus = spec.vcpus
  }
  if (groups.has('vcpu-wait') && can.has('vcpu-wait')) raw.vcpuWaitSeconds = totals.read(vmTotals.waitSeconds, share)
  if (groups.has('mem-size')) raw.memoryBytes = spec.memoryBytes
  if (groups.has('mem-rss') && can.has('memory-rss')) raw.memoryRssBytes = wholeKiB(vm.touchedBytes)
  if (groups.has('mem-guest') && can.has('memory-guest')) {
    raw.memoryGuestUsedBytes = wholeKiB(vm.usedBytes)
    raw.memoryGuestAvailableBytes = wholeKiB(spec.memoryBytes - vm.usedBytes)
    raw.memoryGuestAgeMs = 0
  }
  if (groups.has('mem-guest') && can.has('memory-active')) {
    raw.memoryActiveBytes = wholeKiB(vm.usedBytes * 0.6)
    raw.memoryBalloonedBytes = 0
    raw.memorySwappedBytes = 0
  }
  if (withDisks) raw.disks = [sampleDisk(vm, reading)]
  if (groups.has('nic')) raw.nics = [sampleNic(vm, share)]
  return raw
}

/** Hypervisors tell memory in KiB. */
function wholeKiB(bytes: number): number {
  return Math.floor(bytes / 1024) * 1024
}

/** Grows whenever the VM's disk did anything. */
export function diskActivity(vm: SimVm, share: number): number {
  return vm.totals.readWhole(vmTotals.readBytes, share) + vm.totals.readWhole(vmTotals.writeBytes, share)
}

function sampleDisk(vm: SimVm, { can, share }: Reading): DiskRaw {
  const { totals } = vm
  const disk: Draft<DiskRaw> = {
    target: diskTargetOf(vm),
    readRequests: totals.readWhole(vmTotals.readRequests, share),
    readBytes: totals.readSectors(vmTotals.readBytes, share),
    writeRequests: totals.readWhole(vmTotals.writeRequests, share),
    writeBytes: totals.readSectors(vmTotals.writeBytes, share),
  }
  const timed = can.has('disk-latency')
  if (timed) {
    disk.readSeconds = totals.read(vmTotals.readSeconds, share)
    disk.writeSeconds = totals.read(vmTotals.writeSeconds, share)
  }
  if (can.has('disk-flush')) {
    disk.flushRequests = totals.readWhole(vmTotals.flushRequests, share)
    if (timed) disk.flushSeconds = totals.read(vmTotals.flushSeconds, share)
  }
  if (vm.path.host.spec.kind === 'xen') disk.outOfSlots = totals.readWhole(vmTotals.outOfSlots, share)
  return disk
}

function sampleNic(vm: SimVm, share: number): NicRaw {
  const { totals } = vm
  return {
    device: nicDeviceOf(vm),
    receiveBytes: totals.readWhole(vmTotals.receiveBytes, share),
    transmitBytes: totals.readWhole(vmTotals.transmitBytes, share),
    // Of vSphere the driver asks for no more.
    ...(vm.path.host.spec.kind === 'esxi' ? {} : sampleOfPackets(vm, share)),
  }
}

function sampleOfPackets({ totals }: SimVm, share: number): Omit<NicRaw, 'device'> {
  return {
    receivePackets: totals.readWhole(vmTotals.receivePackets, share),
    receiveErrors: 0,
    receiveDrops: 0,
    transmitPackets: totals.readWhole(vmTotals.transmitPackets, share),
    transmitErrors: 0,
    transmitDrops: 0,
  }
}
