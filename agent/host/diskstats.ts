import type { HostDiskRaw } from '../hypervisor/hypervisor.js'
import type { MachineFiles } from './machine-files.js'
import { bytesAt, countAt, MalformedFile, procLines, type ProcLine } from './proc-text.js'
import type { Collector } from './run-collectors.js'
import { isAbsent } from './text-reader.js'

const file = '/proc/diskstats'
/** The kernel counts in these whatever the device's own sector size is. */
const sectorBytes = 512

/** Totals of every whole disk since boot. */
export function diskstatsCollector(procRoot: string, sysRoot: string, files: MachineFiles): Collector {
  return {
    name: 'diskstats',
    collect: async () => {
      const text = files.read(`${procRoot}/diskstats`)
      const blockDevices = listBlockDevices(sysRoot, files)
      return { disks: parseDiskstats(text, (device) => isWholeDisk(device, blockDevices)) }
    },
  }
}

/** Names in /sys/block, which lists everything but partitions; undefined where there is no /sys. */
function listBlockDevices(sysRoot: string, files: MachineFiles): ReadonlySet<string> | undefined {
  try {
    // cciss/c0d0 is written cciss!c0d0 there.
    return new Set(files.names(`${sysRoot}/block`).map((name) => name.replaceAll('!', '/')))
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error
  }
}

// Layers over other devices (dm), memory (ram, zram), files (loop), removable media and hidden paths of multipath NVMe.
// What passes through a dm device is counted by the disk under it, and by the hypervisor for a VM's logical volume.
const notDisks = /^(?:loop|z?ram|fd|sr|nbd|dm-)\d+$|^nvme\d+c\d+n\d+$/
const partition = /^(?:[hsv]d[a-z]+\d+|xvd[a-z]+\d+|(?:nvme\d+n|mmcblk|md|cciss\/c\d+d)\d+p\d+)$/

/**
 * Whether a name in /proc/diskstats is a disk of its own.
 * @param blockDevices names in /sys/block; without them partitions are known by their names
 */
export function isWholeDisk(device: string, blockDevices: ReadonlySet<string> | undefined): boolean {
  if (notDisks.test(device)) return false
  return blockDevices === undefined ? !partition.test(device) : blockDevices.has(device)
}

/**
 * Devices of /proc/diskstats that `include` wants; the kernel's Documentation/admin-guide/iostats.rst has the columns.
 * @throws MalformedFile
 */
export function parseDiskstats(text: string, include: (device: string) => boolean): HostDiskRaw[] {
  // Read each second: only the lines that are wanted are cut into columns.
  const lines = procLines(file, text, (line) => {
    const device = /^\s*\S+\s+\S+\s+(\S+)/.exec(line)?.[1]
    return device === undefined || include(device)
  })
  return lines.flatMap((line) => {
    const device = line.columns[2]
    if (device === undefined) throw new MalformedFile(file, line.number, 'major, minor, device', line.text)
    return include(device) ? [disk(device, line)] : []
  })
}

function disk(device: string, line: ProcLine): HostDiskRaw {
  // major minor name, then: reads merged sectors ms, writes merged sectors ms, in flight, busy ms, weighted ms,
  // since 4.18 discards merged sectors ms, since 5.5 flushes ms
  if (line.columns.length < 13) throw new MalformedFile(file, line.number, 'at least 13 columns', line.text)
  return {
    device,
    readRequests: countAt(line, 3),
    readBytes: bytesAt(line, 5, sectorBytes),
    readSeconds: countAt(line, 6) / 1000,
    writeRequests: countAt(line, 7),
    writeBytes: bytesAt(line, 9, sectorBytes),
    writeSeconds: countAt(line, 10) / 1000,
    inFlight: inFlightAt(line, 11),
    busySeconds: countAt(line, 12) / 1000,
    ...(line.columns.length >= 20 ? { flushRequests: countAt(line, 18), flushSeconds: countAt(line, 19) / 1000 } : {}),
  }
}

/** Some kernels let this one drop below zero and print -1 or 2^32 − 1 for it: nothing is in flight then. */
function inFlightAt(line: ProcLine, column: number): number {
  if (/^-\d{1,16}$/.test(line.columns[column] ?? '')) return 0
  const count = countAt(line, column)
  return count >= 2 ** 31 ? 0 : count
}
