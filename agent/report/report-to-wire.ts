import type { FromAgent } from '../../proto/gen/headroom/v1/agent.js'
import {
  EventKind,
  GapReason,
  Lane,
  VmState as WireVmState,
  VmStateReason as WireReason,
  type DiskSample,
  type Event,
  type ExportSession,
  type HostSample,
  type NicSample,
  type VmSample,
} from '../../proto/gen/headroom/v1/report.js'
import type {
  ArrayRaw,
  BusyProcessesRaw,
  DiskRaw,
  EventKind as Kind,
  ExportRaw,
  Gap,
  GapReason as Why,
  HostRaw,
  HypervisorEvent,
  NicRaw,
  VmRaw,
  VmState,
  VmStateReason,
} from '../hypervisor/hypervisor.js'
import type { StorageHealthRaw } from '../storage/health/health-raw.js'
import { healthToWire } from './health-to-wire.js'
import { noReading, type ClockReading } from './machine-clock.js'
import { small, smallIf, whole, wholeIf } from './to-wire.js'

/** What one pass over one host brought. */
export interface Pass {
  readonly lane: 'state' | 'fast' | 'event'
  readonly atMs: number
  readonly vms: readonly VmRaw[]
  readonly gaps: readonly Gap[]
  readonly host: HostRaw | undefined
  readonly arrays: readonly ArrayRaw[]
  /** Arrays are told of in other reports than this one. */
  readonly arraysApart?: boolean
  /** All that the machine exports to others; absent: not read in this pass. */
  readonly exports?: readonly ExportRaw[] | undefined
  readonly events: readonly HypervisorEvent[]
  readonly collectors: readonly {
    readonly name: string
    readonly durationSeconds: number
    readonly success: boolean
    readonly error: string
  }[]
  /** Only where it is told now. */
  readonly storageHealth?: StorageHealthRaw | undefined
}

export interface AgentHealth {
  readonly cpuSeconds: number
  readonly rssBytes: number
  readonly spoolReports: number
  readonly spoolBytes: number
  readonly droppedReports: number
  readonly skippedTicks: number
}

const laneToWire = {
  state: Lane.LANE_STATE,
  fast: Lane.LANE_FAST,
  event: Lane.LANE_EVENT,
} as const satisfies Record<Pass['lane'], Lane>

const stateToWire = {
  running: WireVmState.VM_STATE_RUNNING,
  blocked: WireVmState.VM_STATE_BLOCKED,
  paused: WireVmState.VM_STATE_PAUSED,
  'shutting-down': WireVmState.VM_STATE_SHUTTING_DOWN,
  shutoff: WireVmState.VM_STATE_SHUTOFF,
  crashed: WireVmState.VM_STATE_CRASHED,
  suspended: WireVmState.VM_STATE_SUSPENDED,
  unknown: WireVmState.VM_STATE_UNSPECIFIED,
} as const satisfies Record<VmState, WireVmState>

const reasonToWire = {
  unknown: WireReason.VM_STATE_REASON_UNSPECIFIED,
  booted: WireReason.VM_STATE_REASON_BOOTED,
  migrated: WireReason.VM_STATE_REASON_MIGRATED,
  restored: WireReason.VM_STATE_REASON_RESTORED,
  'from-snapshot': WireReason.VM_STATE_REASON_FROM_SNAPSHOT,
  unpaused: WireReason.VM_STATE_REASON_UNPAUSED,
  'migration-cancelled': WireReason.VM_STATE_REASON_MIGRATION_CANCELLED,
  'save-cancelled': WireReason.VM_STATE_REASON_SAVE_CANCELLED,
  wakeup: WireReason.VM_STATE_REASON_WAKEUP,
  crashed: WireReason.VM_STATE_REASON_CRASHED,
  user: WireReason.VM_STATE_REASON_USER,
  migration: WireReason.VM_STATE_REASON_MIGRATION,
  save: WireReason.VM_STATE_REASON_SAVE,
  dump: WireReason.VM_STATE_REASON_DUMP,
  'io-error': WireReason.VM_STATE_REASON_IO_ERROR,
  watchdog: WireReason.VM_STATE_REASON_WATCHDOG,
  'shutting-down': WireReason.VM_STATE_REASON_SHUTTING_DOWN,
  snapshot: WireReason.VM_STATE_REASON_SNAPSHOT,
  'starting-up': WireReason.VM_STATE_REASON_STARTING_UP,
  'post-copy': WireReason.VM_STATE_REASON_POST_COPY,
  'post-copy-failed': WireReason.VM_STATE_REASON_POST_COPY_FAILED,
  shutdown: WireReason.VM_STATE_REASON_SHUTDOWN,
  destroyed: WireReason.VM_STATE_REASON_DESTROYED,
  saved: WireReason.VM_STATE_REASON_SAVED,
  failed: WireReason.VM_STATE_REASON_FAILED,
  daemon: WireReason.VM_STATE_REASON_DAEMON,
  panicked: WireReason.VM_STATE_REASON_PANICKED,
  'host-lost': WireReason.VM_STATE_REASON_HOST_LOST,
} as const satisfies Record<VmStateReason, WireReason>

const gapToWire = {
  timeout: GapReason.GAP_REASON_TIMEOUT,
  quarantined: GapReason.GAP_REASON_QUARANTINED,
  disconnected: GapReason.GAP_REASON_DISCONNECTED,
  failed: GapReason.GAP_REASON_FAILED,
  denied: GapReason.GAP_REASON_DENIED,
} as const satisfies Record<Why, GapReason>

const eventToWire = {
  defined: EventKind.EVENT_KIND_DEFINED,
  undefined: EventKind.EVENT_KIND_UNDEFINED,
  started: EventKind.EVENT_KIND_STARTED,
  suspended: EventKind.EVENT_KIND_SUSPENDED,
  resumed: EventKind.EVENT_KIND_RESUMED,
  stopped: EventKind.EVENT_KIND_STOPPED,
  shutdown: EventKind.EVENT_KIND_SHUTDOWN,
  crashed: EventKind.EVENT_KIND_CRASHED,
  'balloon-changed': EventKind.EVENT_KIND_BALLOON_CHANGED,
  'hypervisor-lost': EventKind.EVENT_KIND_HYPERVISOR_LOST,
  'hypervisor-back': EventKind.EVENT_KIND_HYPERVISOR_BACK,
} as const satisfies Record<Kind, EventKind>

/** One pass as a report of the spool. */
export function reportToWire(
  pass: Pass,
  header: {
    readonly spoolId: string
    readonly seq: number
    readonly hostId: string
    readonly bootId: string
    readonly agent: AgentHealth | undefined
    readonly clock?: ClockReading
  },
): FromAgent {
  const { agent, clock = noReading } = header
  return {
    message: {
      $case: 'report',
      value: {
        spoolId: header.spoolId,
        seq: whole(header.seq),
        hostId: header.hostId,
        bootId: header.bootId,
        atMs: whole(pass.atMs),
        lane: laneToWire[pass.lane],
        gaps: pass.gaps.map(({ vmUuid, group, reason, message, sinceMs }) => ({
          vmUuid: vmUuid ?? '',
          group,
          reason: gapToWire[reason],
          message,
          sinceMs: whole(sinceMs),
        })),
        host: pass.host === undefined ? undefined : hostToWire(pass.host),
        vms: pass.vms.map((vm) => vmToWire(vm, pass.atMs)),
        arrays: pass.arrays.map((array) => ({
          key: array.key,
          ...ioToWire(array),
          inFlight: wholeIf(array.inFlight),
          canarySeconds: array.canarySeconds,
          canaryOverdueSeconds: array.canaryOverdueSeconds,
          stripeCacheActive: smallIf(array.stripeCacheActive),
          stripeCacheSize: smallIf(array.stripeCacheSize),
          writeCache: array.writeCache ?? '',
          runId: array.runId ?? '',
        })),
        collectors: pass.collectors.map((run) => ({ ...run })),
        events: pass.events.map(eventOnWire),
        agent:
          agent === undefined
            ? undefined
            : {
                cpuSeconds: agent.cpuSeconds,
                rssBytes: whole(agent.rssBytes),
                spoolReports: whole(agent.spoolReports),
                spoolBytes: whole(agent.spoolBytes),
                droppedReports: whole(agent.droppedReports),
                skippedTicks: whole(agent.skippedTicks),
              },
        machineBoot: clock.boot,
        clockBaseMs: BigInt(clock.baseMs),
        exports: pass.exports === undefined ? undefined : { sessions: pass.exports.map(exportToWire) },
        arraysApart: pass.arraysApart === true,
        storageHealth: pass.storageHealth === undefined ? undefined : healthToWire(pass.storageHealth),
      },
    },
  }
}

function eventOnWire(event: HypervisorEvent): Event {
  return {
    atMs: whole(event.atMs),
    vmUuid: event.vmUuid ?? '',
    vmName: event.vmName ?? '',
    kind: eventToWire[event.kind],
    reason: reasonToWire[event.reason],
    message: event.message ?? '',
  }
}

function vmToWire(vm: VmRaw, passAtMs: number): VmSample {
  return {
    uuid: vm.uuid,
    runId: vm.runId,
    offsetMs: small(vm.atMs - passAtMs),
    state: vm.state === undefined ? WireVmState.VM_STATE_UNSPECIFIED : stateToWire[vm.state],
    stateReason: reasonToWire[vm.stateReason ?? 'unknown'],
    cpuSeconds: vm.cpuSeconds,
    vcpuWaitSeconds: vm.vcpuWaitSeconds,
    vcpus: smallIf(vm.vcpus),
    memoryMaxBytes: wholeIf(vm.memoryMaxBytes),
    memoryBytes: wholeIf(vm.memoryBytes),
    memoryRssBytes: wholeIf(vm.memoryRssBytes),
    memoryGuestUsedBytes: wholeIf(vm.memoryGuestUsedBytes),
    memoryGuestAvailableBytes: wholeIf(vm.memoryGuestAvailableBytes),
    memoryGuestAgeMs: wholeIf(vm.memoryGuestAgeMs),
    memorySwapInBytes: wholeIf(vm.memorySwapInBytes),
    memorySwapOutBytes: wholeIf(vm.memorySwapOutBytes),
    memoryMajorFaults: wholeIf(vm.memoryMajorFaults),
    memoryActiveBytes: wholeIf(vm.memoryActiveBytes),
    memoryBalloonedBytes: wholeIf(vm.memoryBalloonedBytes),
    memorySwappedBytes: wholeIf(vm.memorySwappedBytes),
    disks: (vm.disks ?? []).map(diskToWire),
    nics: (vm.nics ?? []).map(nicToWire),
  }
}

function diskToWire(disk: DiskRaw): DiskSample {
  return {
    target: disk.target,
    ...ioToWire(disk),
    flushRequests: wholeIf(disk.flushRequests),
    flushSeconds: disk.flushSeconds,
    errors: wholeIf(disk.errors),
    outOfSlots: wholeIf(disk.outOfSlots),
    highestWriteBytes: wholeIf(disk.highestWriteBytes),
    deviceReadRequests: wholeIf(disk.deviceReadRequests),
    deviceReadSeconds: disk.deviceReadSeconds,
    deviceWriteRequests: wholeIf(disk.deviceWriteRequests),
    deviceWriteSeconds: disk.deviceWriteSeconds,
  }
}

type Io = Pick<
  DiskSample,
  'readRequests' | 'readBytes' | 'readSeconds' | 'writeRequests' | 'writeBytes' | 'writeSeconds'
>

function ioToWire(io: DiskRaw | ArrayRaw): Io {
  return {
    readRequests: wholeIf(io.readRequests),
    readBytes: wholeIf(io.readBytes),
    readSeconds: io.readSeconds,
    writeRequests: wholeIf(io.writeRequests),
    writeBytes: wholeIf(io.writeBytes),
    writeSeconds: io.writeSeconds,
  }
}

function nicToWire(nic: NicRaw): NicSample {
  return {
    device: nic.device,
    receiveBytes: wholeIf(nic.receiveBytes),
    receivePackets: wholeIf(nic.receivePackets),
    receiveErrors: wholeIf(nic.receiveErrors),
    receiveDrops: wholeIf(nic.receiveDrops),
    transmitBytes: wholeIf(nic.transmitBytes),
    transmitPackets: wholeIf(nic.transmitPackets),
    transmitErrors: wholeIf(nic.transmitErrors),
    transmitDrops: wholeIf(nic.transmitDrops),
  }
}

function hostToWire(host: HostRaw): HostSample {
  return {
    runId: host.runId ?? '',
    cpuUsedSeconds: host.cpuUsedSeconds,
    cpuUserSeconds: host.cpuUserSeconds,
    cpuSystemSeconds: host.cpuSystemSeconds,
    cpuIdleSeconds: host.cpuIdleSeconds,
    cpuIowaitSeconds: host.cpuIowaitSeconds,
    cpuStealSeconds: host.cpuStealSeconds,
    cpuGuestSeconds: host.cpuGuestSeconds,
    cpuThreads: smallIf(host.cpuThreads),
    load1: host.load1,
    load5: host.load5,
    load15: host.load15,
    memoryBytes: wholeIf(host.memoryBytes),
    memoryAvailableBytes: wholeIf(host.memoryAvailableBytes),
    memoryFreeBytes: wholeIf(host.memoryFreeBytes),
    swapBytes: wholeIf(host.swapBytes),
    swapFreeBytes: wholeIf(host.swapFreeBytes),
    swapInBytes: wholeIf(host.swapInBytes),
    swapOutBytes: wholeIf(host.swapOutBytes),
    dirtyBytes: wholeIf(host.dirtyBytes),
    writebackBytes: wholeIf(host.writebackBytes),
    dirtyBackgroundBytes: wholeIf(host.dirtyBackgroundBytes),
    dirtyLimitBytes: wholeIf(host.dirtyLimitBytes),
    psiCpuSomeSeconds: host.psiCpuSomeSeconds,
    psiMemorySomeSeconds: host.psiMemorySomeSeconds,
    psiMemoryFullSeconds: host.psiMemoryFullSeconds,
    psiIoSomeSeconds: host.psiIoSomeSeconds,
    psiIoFullSeconds: host.psiIoFullSeconds,
    uptimeSeconds: host.uptimeSeconds,
    disks: (host.disks ?? []).map((disk) => ({
      device: disk.device,
      readRequests: whole(disk.readRequests),
      readBytes: whole(disk.readBytes),
      readSeconds: disk.readSeconds,
      writeRequests: whole(disk.writeRequests),
      writeBytes: whole(disk.writeBytes),
      writeSeconds: disk.writeSeconds,
      inFlight: whole(disk.inFlight),
      busySeconds: disk.busySeconds,
      flushRequests: wholeIf(disk.flushRequests),
      flushSeconds: disk.flushSeconds,
    })),
    fileSystems: (host.fileSystems ?? []).map((one) => ({
      mount: one.mount,
      device: one.device,
      type: one.type,
      sizeBytes: whole(one.sizeBytes),
      availableBytes: whole(one.availableBytes),
      files: whole(one.files),
      filesFree: whole(one.filesFree),
      readOnly: one.readOnly,
    })),
    unreadFileSystems: (host.unreadFileSystems ?? []).map(({ mount, device, type, reason }) => ({
      mount,
      device,
      type,
      reason,
    })),
    networks: (host.networks ?? []).map((network) => ({
      device: network.device,
      receiveBytes: whole(network.receiveBytes),
      receivePackets: whole(network.receivePackets),
      receiveErrors: whole(network.receiveErrors),
      receiveDrops: whole(network.receiveDrops),
      transmitBytes: whole(network.transmitBytes),
      transmitPackets: whole(network.transmitPackets),
      transmitErrors: whole(network.transmitErrors),
      transmitDrops: whole(network.transmitDrops),
    })),
    busyProcesses: host.busyProcesses === undefined ? undefined : processesToWire(host.busyProcesses),
  }
}

function exportToWire(one: ExportRaw): ExportSession {
  return {
    arrayKey: one.arrayKey,
    lun: one.lun,
    session: one.session,
    initiator: one.initiator,
    address: one.address ?? '',
    backing: one.backing ?? '',
    readBytes: whole(one.readBytes),
    readRequests: wholeIf(one.readRequests),
    writeBytes: whole(one.writeBytes),
    writeRequests: wholeIf(one.writeRequests),
    inFlight: wholeIf(one.inFlight),
  }
}

function processesToWire({ seconds, processes }: BusyProcessesRaw): HostSample['busyProcesses'] {
  return {
    seconds,
    processes: processes.map(({ pid, name, readBytes, writeBytes }) => ({
      pid: small(pid),
      name,
      readBytes: whole(readBytes),
      writeBytes: whole(writeBytes),
    })),
  }
}
