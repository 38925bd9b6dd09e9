import {
  Lane,
  VmState as WireVmState,
  type ArraySample,
  type DiskSample,
  type FileSystemSample,
  type HostDiskSample,
  type HostSample,
  type NetworkSample,
  type NicSample,
  type Report,
  type VmSample,
} from '../../proto/gen/headroom/v1/report.js'
import type {
  ArrayObservation,
  HostObservation,
  NicObservation,
  ReportObservation,
  Totals,
  VmObservation,
} from '../model/observation.js'
import type { FileSystem, Gap, VmState } from '../model/snapshot.js'
import type { FieldCheck } from './field-check.js'
import { wireLimits } from './from-wire.js'

const states: Readonly<Record<WireVmState, VmState | undefined>> = {
  [WireVmState.VM_STATE_UNSPECIFIED]: undefined,
  [WireVmState.VM_STATE_RUNNING]: 'running',
  [WireVmState.VM_STATE_BLOCKED]: 'blocked',
  [WireVmState.VM_STATE_PAUSED]: 'paused',
  [WireVmState.VM_STATE_SHUTTING_DOWN]: 'shutting-down',
  [WireVmState.VM_STATE_SHUTOFF]: 'shutoff',
  [WireVmState.VM_STATE_CRASHED]: 'crashed',
  [WireVmState.VM_STATE_SUSPENDED]: 'suspended',
  [WireVmState.UNRECOGNIZED]: 'unknown',
}

const lanes: Readonly<Record<Lane, ReportObservation['lane']>> = {
  [Lane.LANE_UNSPECIFIED]: 'event',
  [Lane.LANE_STATE]: 'state',
  [Lane.LANE_FAST]: 'fast',
  [Lane.LANE_EVENT]: 'event',
  [Lane.UNRECOGNIZED]: 'event',
}

/** `VM_STATE_REASON_IO_ERROR` as `io-error`; unspecified and unknown values as `unknown`. */
function word(value: string, prefix: string): string {
  const name = value.startsWith(prefix) ? value.slice(prefix.length) : 'UNSPECIFIED'
  return name === 'UNSPECIFIED' ? 'unknown' : name.toLowerCase().replaceAll('_', '-')
}

/** How far a report's clock may be from ours after correction before its time is replaced, milliseconds. */
const farthestAheadMs = 60_000
/** Older than any spool: a clock that was never set, not a late report. */
const farthestBehindMs = 366 * 86_400_000
/** No pass takes longer. */
const longestOffsetMs = 600_000

/** A moment as the agent tells it, on our clock; one that cannot be is refused and becomes `instead`. */
function moment(
  field: string,
  at: number,
  { now, instead }: { now: number; instead: number },
  check: FieldCheck,
): number {
  if (at >= Math.max(0, now - farthestBehindMs) && at <= now + farthestAheadMs) return at
  check.refuse(field)
  return instead
}

/**
 * Validates a report. `offsetMs` (controller's clock minus agent's) is added to every time.
 * @returns undefined if it names no host, no sequence number or no time
 */
export function reportFromWire(
  report: Report,
  check: FieldCheck,
  { offsetMs, now }: { readonly offsetMs: number; readonly now: number },
): ReportObservation | undefined {
  const hostId = check.id('report.host_id', report.hostId)
  const seq = report.seq === 0n ? check.refuse('report.seq') : check.count('report.seq', report.seq)
  const spoolId = check.key('report.spool_id', report.spoolId, 64)
  const atMs = check.count('report.at_ms', report.atMs)
  if (hostId === undefined || seq === undefined || spoolId === undefined || atMs === undefined) return undefined
  const at = moment('report.at_ms', atMs + offsetMs, { now, instead: now }, check)
  return {
    spoolId,
    seq,
    hostId,
    bootId: check.text('report.boot_id', report.bootId, 64),
    at,
    lane: lanes[known('report.lane', report.lane, check)],
    gaps: check
      .list('report.gaps', report.gaps, wireLimits.maxGapsPerReport)
      .map((gap): Gap => ({
        vmUuid: gap.vmUuid === '' ? '' : (check.uuid('gap.vm_uuid', gap.vmUuid) ?? 'invalid'),
        group: check.text('gap.group', gap.group, 32),
        reason: word(known('gap.reason', gap.reason, check), 'GAP_REASON_'),
        message: check.text('gap.message', gap.message, 512),
        sinceMs: since(gap.sinceMs, { at, offsetMs }, check),
      }))
      .filter((gap) => gap.vmUuid !== 'invalid'),
    host: report.host === undefined ? undefined : hostFromWire(report.host, check),
    vms: check.unique(
      'vm.uuid',
      check
        .list('report.vms', report.vms, wireLimits.maxVmsPerReport)
        .flatMap((vm) => vmFromWire(vm, { reportAt: at, latest: Math.max(at, now + farthestAheadMs) }, check)),
      (vm) => vm.uuid,
    ),
    arrays: check.unique(
      'array.key',
      check
        .list('report.arrays', report.arrays, wireLimits.maxArraysPerHost)
        .flatMap((array) => arrayFromWire(array, check)),
      (array) => array.key,
    ),
    collectors: check.list('report.collectors', report.collectors, 128).map((run) => ({
      name: check.text('collector.name', run.name, 64),
      durationSeconds: check.real('collector.duration_seconds', run.durationSeconds) ?? 0,
      success: run.success,
      error: check.text('collector.error', run.error, 512),
    })),
    events: check.list('report.events', report.events, wireLimits.maxEventsPerReport).flatMap((event) => {
      const vmUuid = event.vmUuid === '' ? '' : check.uuid('event.vm_uuid', event.vmUuid)
      const eventAt = check.count('event.at_ms', event.atMs)
      if (vmUuid === undefined || eventAt === undefined) return []
      return [
        {
          at: Math.min(moment('event.at_ms', eventAt + offsetMs, { now, instead: at }, check), now),
          vmUuid,
          vmName: check.text('event.vm_name', event.vmName),
          kind: word(known('event.kind', event.kind, check), 'EVENT_KIND_'),
          reason: word(known('event.reason', event.reason, check), 'VM_STATE_REASON_'),
          message: check.text('event.message', event.message, 512),
        },
      ]
    }),
    agent:
      report.agent === undefined
        ? undefined
        : {
            cpuSeconds: check.real('agent.cpu_seconds', report.agent.cpuSeconds) ?? 0,
            rssBytes: check.count('agent.rss_bytes', report.agent.rssBytes) ?? 0,
            spoolReports: check.count('agent.spool_reports', report.agent.spoolReports) ?? 0,
            droppedReports: check.count('agent.dropped_reports', report.agent.droppedReports) ?? 0,
            skippedTicks: check.count('agent.skipped_ticks', report.agent.skippedTicks) ?? 0,
          },
  }
}

/** Counts a value that only a newer agent knows; it is taken as unknown. */
function known<Value extends string>(field: string, value: Value, check: FieldCheck): Value {
  if (value === 'UNRECOGNIZED') check.refuse(field)
  return value
}

/** Since when something is missing: never later than the report itself, which is also the answer if it is not said. */
function since(sinceMs: bigint, { at, offsetMs }: { at: number; offsetMs: number }, check: FieldCheck): number {
  const told = check.count('gap.since_ms', sinceMs)
  return told === undefined || told === 0 ? at : Math.max(0, Math.min(at, told + offsetMs))
}

function vmFromWire(
  vm: VmSample,
  { reportAt, latest }: { readonly reportAt: number; readonly latest: number },
  check: FieldCheck,
): VmObservation[] {
  const uuid = check.uuid('vm.uuid', vm.uuid)
  if (uuid === undefined) return []
  const inPass = vm.offsetMs <= longestOffsetMs && reportAt + vm.offsetMs <= latest
  const at = inPass ? reportAt + vm.offsetMs : (check.refuse('vm.offset_ms') ?? reportAt)
  const guestAgeMs = check.count('vm.memory_guest_age_ms', vm.memoryGuestAgeMs) ?? 0
  const guestUsed = check.count('vm.memory_guest_used_bytes', vm.memoryGuestUsedBytes)
  const guestAvailable = check.count('vm.memory_guest_available_bytes', vm.memoryGuestAvailableBytes)
  return [
    {
      uuid,
      runId: check.text('vm.run_id', vm.runId, 128),
      at,
      state: states[known('vm.state', vm.state, check)],
      stateReason: word(known('vm.state_reason', vm.stateReason, check), 'VM_STATE_REASON_'),
      vcpus: check.count('vm.vcpus', vm.vcpus),
      totals: check.numbers({
        cpuSeconds: check.real('vm.cpu_seconds', vm.cpuSeconds),
        vcpuWaitSeconds: check.real('vm.vcpu_wait_seconds', vm.vcpuWaitSeconds),
        memorySwapInBytes: check.count('vm.memory_swap_in_bytes', vm.memorySwapInBytes),
        memorySwapOutBytes: check.count('vm.memory_swap_out_bytes', vm.memorySwapOutBytes),
      }),
      levels: check.numbers({
        memoryMaxBytes: check.count('vm.memory_max_bytes', vm.memoryMaxBytes),
        memoryBytes: check.count('vm.memory_bytes', vm.memoryBytes),
        memoryRssBytes: check.count('vm.memory_rss_bytes', vm.memoryRssBytes),
        memoryGuestUsedBytes: guestUsed,
        memoryGuestAvailableBytes: guestAvailable,
        memoryActiveBytes: check.count('vm.memory_active_bytes', vm.memoryActiveBytes),
        memoryBalloonedBytes: check.count('vm.memory_ballooned_bytes', vm.memoryBalloonedBytes),
        memorySwappedBytes: check.count('vm.memory_swapped_bytes', vm.memorySwappedBytes),
      }),
      guestMemoryAt: guestUsed === undefined && guestAvailable === undefined ? undefined : Math.max(0, at - guestAgeMs),
      disks: check.unique(
        'disk.target',
        check.list('vm.disks', vm.disks, wireLimits.maxDisksPerVm).flatMap((disk) => {
          const target = check.key('disk.target', disk.target, 64)
          return target === undefined ? [] : [{ target, totals: ioTotals(disk, check) }]
        }),
        (disk) => disk.target,
      ),
      nics: networksFromWire(check.list('vm.nics', vm.nics, wireLimits.maxNicsPerVm), check),
    },
  ]
}

function ioTotals(io: DiskSample | HostDiskSample | ArraySample, check: FieldCheck): Totals {
  return check.numbers({
    readRequests: check.count('disk.read_requests', io.readRequests),
    readBytes: check.count('disk.read_bytes', io.readBytes),
    readSeconds: check.real('disk.read_seconds', io.readSeconds),
    writeRequests: check.count('disk.write_requests', io.writeRequests),
    writeBytes: check.count('disk.write_bytes', io.writeBytes),
    writeSeconds: check.real('disk.write_seconds', io.writeSeconds),
    flushRequests: 'flushRequests' in io ? check.count('disk.flush_requests', io.flushRequests) : undefined,
    flushSeconds: 'flushSeconds' in io ? check.real('disk.flush_seconds', io.flushSeconds) : undefined,
    outOfSlots: 'outOfSlots' in io ? check.count('disk.out_of_slots', io.outOfSlots) : undefined,
    busySeconds: 'busySeconds' in io ? check.real('disk.busy_seconds', io.busySeconds) : undefined,
  })
}

function networksFromWire(list: readonly (NicSample | NetworkSample)[], check: FieldCheck): readonly NicObservation[] {
  return check.unique(
    'nic.device',
    list.flatMap((nic) => networkFromWire(nic, check)),
    (nic) => nic.device,
  )
}

function networkFromWire(nic: NicSample | NetworkSample, check: FieldCheck): NicObservation[] {
  const device = check.key('nic.device', nic.device, 64)
  if (device === undefined) return []
  const totals = check.numbers({
    receiveBytes: check.count('nic.receive_bytes', nic.receiveBytes),
    receivePackets: check.count('nic.receive_packets', nic.receivePackets),
    receiveErrors: check.count('nic.receive_errors', nic.receiveErrors),
    receiveDrops: check.count('nic.receive_drops', nic.receiveDrops),
    transmitBytes: check.count('nic.transmit_bytes', nic.transmitBytes),
    transmitPackets: check.count('nic.transmit_packets', nic.transmitPackets),
    transmitErrors: check.count('nic.transmit_errors', nic.transmitErrors),
    transmitDrops: check.count('nic.transmit_drops', nic.transmitDrops),
  })
  return [{ device, totals }]
}

function arrayFromWire(array: ArraySample, check: FieldCheck): ArrayObservation[] {
  const key = check.key('array.key', array.key, 384)
  if (key === undefined) return []
  const canarySeconds = check.real('array.canary_seconds', array.canarySeconds)
  return [
    {
      key,
      totals: ioTotals(array, check),
      levels: check.numbers({
        inFlight: check.count('array.in_flight', array.inFlight),
        canaryMs: canarySeconds === undefined ? undefined : canarySeconds * 1000,
      }),
    },
  ]
}

function hostFromWire(host: HostSample, check: FieldCheck): HostObservation {
  const swapBytes = check.count('host.swap_bytes', host.swapBytes)
  const swapFreeBytes = check.count('host.swap_free_bytes', host.swapFreeBytes)
  return {
    totals: check.numbers({
      cpuUserSeconds: check.real('host.cpu_user_seconds', host.cpuUserSeconds),
      cpuSystemSeconds: check.real('host.cpu_system_seconds', host.cpuSystemSeconds),
      cpuIdleSeconds: check.real('host.cpu_idle_seconds', host.cpuIdleSeconds),
      cpuIowaitSeconds: check.real('host.cpu_iowait_seconds', host.cpuIowaitSeconds),
      cpuStealSeconds: check.real('host.cpu_steal_seconds', host.cpuStealSeconds),
      swapInBytes: check.count('host.swap_in_bytes', host.swapInBytes),
      swapOutBytes: check.count('host.swap_out_bytes', host.swapOutBytes),
      psiCpuSomeSeconds: check.real('host.psi_cpu_some_seconds', host.psiCpuSomeSeconds),
      psiMemorySomeSeconds: check.real('host.psi_memory_some_seconds', host.psiMemorySomeSeconds),
      psiMemoryFullSeconds: check.real('host.psi_memory_full_seconds', host.psiMemoryFullSeconds),
      psiIoSomeSeconds: check.real('host.psi_io_some_seconds', host.psiIoSomeSeconds),
      psiIoFullSeconds: check.real('host.psi_io_full_seconds', host.psiIoFullSeconds),
    }),
    levels: check.numbers({
      load1: check.real('host.load_1', host.load1),
      memoryBytes: check.count('host.memory_bytes', host.memoryBytes),
      memoryAvailableBytes: check.count('host.memory_available_bytes', host.memoryAvailableBytes),
      swapUsedBytes:
        swapBytes === undefined || swapFreeBytes === undefined ? undefined : Math.max(0, swapBytes - swapFreeBytes),
      uptimeSeconds: check.real('host.uptime_seconds', host.uptimeSeconds),
    }),
    disks: check.unique(
      'host_disk.device',
      check.list('host.disks', host.disks, wireLimits.maxDevicesPerHost).flatMap((disk) => {
        const device = check.key('host_disk.device', disk.device, 128)
        return device === undefined ? [] : [{ device, totals: ioTotals(disk, check) }]
      }),
      (disk) => disk.device,
    ),
    networks: networksFromWire(check.list('host.networks', host.networks, wireLimits.maxDevicesPerHost), check),
    fileSystems: check.unique(
      'file_system.mount',
      check
        .list('host.file_systems', host.fileSystems, wireLimits.maxDevicesPerHost)
        .flatMap((one) => fileSystemFromWire(one, check)),
      (one) => one.mount,
    ),
  }
}

function fileSystemFromWire(one: FileSystemSample, check: FieldCheck): FileSystem[] {
  const mount = check.key('file_system.mount', one.mount, 384)
  const sizeBytes = check.count('file_system.size_bytes', one.sizeBytes)
  const availableBytes = check.count('file_system.available_bytes', one.availableBytes)
  if (mount === undefined || sizeBytes === undefined || availableBytes === undefined) return []
  return [
    {
      mount,
      device: check.text('file_system.device', one.device),
      type: check.text('file_system.type', one.type, 64),
      sizeBytes,
      availableBytes,
      files: check.count('file_system.files', one.files) ?? 0,
      filesFree: check.count('file_system.files_free', one.filesFree) ?? 0,
      readOnly: one.readOnly,
    },
  ]
}
