import type { HostRaw } from '../hypervisor/hypervisor.js'
import { countAt, MalformedFile, procLines } from './proc-text.js'
import type { Collector } from './run-collectors.js'
import type { TextReader } from './text-reader.js'

const file = '/proc/stat'

/** The kernel's USER_HZ: the unit of /proc/stat on every architecture that runs VMs, whatever the kernel's own tick is. */
export const userHz = 100

/** CPU time of the machine since boot. */
export function cpuCollector(procRoot: string, reader: TextReader, clockTicksPerSecond: number = userHz): Collector {
  return {
    name: 'cpu',
    collect: async () => parseStat(reader.read(`${procRoot}/stat`), clockTicksPerSecond),
  }
}

/**
 * The `cpu` line of /proc/stat in seconds, all CPUs added up. As in the kernel, user time contains guest time.
 * Columns that an old kernel lacks (steal before 2.6.11, guest before 2.6.24) are absent.
 * @throws MalformedFile
 */
export function parseStat(text: string, clockTicksPerSecond: number): HostRaw {
  const lines = procLines(file, text, (line) => line.startsWith('cpu'))
  const total = lines.find((line) => line.columns[0] === 'cpu')
  if (total === undefined) throw new MalformedFile(file, 1, 'a line that begins with cpu', text)
  const ticks = (...columns: readonly number[]): number =>
    columns.reduce((sum, column) => sum + (column < total.columns.length ? countAt(total, column) : 0), 0)
  const seconds = (...columns: readonly number[]): number => ticks(...columns) / clockTicksPerSecond
  if (total.columns.length < 5) throw new MalformedFile(file, total.number, 'four counts after cpu', total.text)
  const has = (column: number): boolean => total.columns.length > column
  const threads = lines.filter((line) => /^cpu\d+$/.test(line.columns[0] ?? '')).length
  // cpu user nice system idle iowait irq softirq steal guest guest_nice
  return {
    cpuUserSeconds: seconds(1, 2),
    cpuSystemSeconds: seconds(3, 6, 7),
    cpuIdleSeconds: seconds(4),
    ...(has(5) ? { cpuIowaitSeconds: seconds(5) } : {}),
    ...(has(8) ? { cpuStealSeconds: seconds(8) } : {}),
    ...(has(9) ? { cpuGuestSeconds: seconds(9, 10) } : {}),
    ...(threads > 0 ? { cpuThreads: threads } : {}),
  }
}
