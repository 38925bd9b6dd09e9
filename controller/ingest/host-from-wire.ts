import type { FileSystemSample, HostSample } from '../../proto/gen/headroom/v1/report.js'
import type { HostObservation } from '../model/observation.js'
import type { FileSystem } from '../model/snapshot.js'
import type { FieldCheck } from './field-check.js'
import { wireLimits } from './from-wire.js'
import { ioTotals, networksFromWire } from './totals-from-wire.js'

/** The machine's own figures. */
export function hostFromWire(host: HostSample, check: FieldCheck): HostObservation {
  const swapBytes = check.count('host.swap_bytes', host.swapBytes)
  const swapFreeBytes = check.count('host.swap_free_bytes', host.swapFreeBytes)
  return {
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
