import type {
  BusyProcesses,
  FileSystemSample,
  HostSample,
  UnreadFileSystem as WireUnread,
} from '../../proto/gen/headroom/v1/report.js'
import type { HostObservation } from '../model/observation.js'
import type { BusyProcess, FileSystem, UnreadFileSystem } from '../model/snapshot.js'
import type { FieldCheck } from './field-check.js'
import { wireLimits } from './from-wire.js'
import { ioTotals, networksFromWire } from './totals-from-wire.js'

/** The machine's own figures. */
export function hostFromWire(host: HostSample, check: FieldCheck): HostObservation {
  const swapBytes = check.count('host.swap_bytes', host.swapBytes)
  const swapFreeBytes = check.count('host.swap_free_bytes', host.swapFreeBytes)
  return {
    runId: check.text('host.run_id', host.runId, 128),
    totals: check.numbers({
      cpuUsedSeconds: check.real('host.cpu_used_seconds', host.cpuUsedSeconds),
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
      dirtyBytes: check.count('host.dirty_bytes', host.dirtyBytes),
      writebackBytes: check.count('host.writeback_bytes', host.writebackBytes),
      dirtyBackgroundBytes: check.count('host.dirty_background_bytes', host.dirtyBackgroundBytes),
      dirtyLimitBytes: check.count('host.dirty_limit_bytes', host.dirtyLimitBytes),
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
    unreadFileSystems: check.unique(
      'unread_file_system.mount',
      check
        .list('host.unread_file_systems', host.unreadFileSystems, wireLimits.maxDevicesPerHost)
        .flatMap((one) => unreadFromWire(one, check)),
      (one) => one.mount,
    ),
    busyProcesses: host.busyProcesses === undefined ? undefined : processesFromWire(host.busyProcesses, check),
  }
}

/** More than any agent tells of. */
const mostProcesses = 16
/** Between two passes of the slowest beat. */
const longestSeconds = 2 * 3600

function processesFromWire(told: BusyProcesses, check: FieldCheck): readonly BusyProcess[] | undefined {
  const seconds = check.real('host.busy_processes.seconds', told.seconds, longestSeconds)
  if (seconds === undefined) return undefined
  if (seconds < 0.1) return check.refuse('host.busy_processes.seconds')
  const processes = check.list('host.busy_processes', told.processes, mostProcesses).flatMap((one) => {
    const name = check.key('process.name', one.name, 64)
    const readBytes = check.count('process.read_bytes', one.readBytes)
    const writeBytes = check.count('process.write_bytes', one.writeBytes)
    if (name === undefined || readBytes === undefined || writeBytes === undefined) return []
    return [{ pid: one.pid, name, readBytesPerSecond: readBytes / seconds, writeBytesPerSecond: writeBytes / seconds }]
  })
  return check.unique('process.pid', processes, ({ pid }) => String(pid))
}

function unreadFromWire(one: WireUnread, check: FieldCheck): UnreadFileSystem[] {
  const mount = check.key('unread_file_system.mount', one.mount, 384)
  if (mount === undefined) return []
  return [
    {
      mount,
      device: check.text('unread_file_system.device', one.device),
      type: check.text('unread_file_system.type', one.type, 64),
      reason: check.text('unread_file_system.reason', one.reason, 512),
    },
  ]
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
