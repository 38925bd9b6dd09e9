import path from 'node:path'

import type { MachineFiles } from '../../host/machine-files.js'

/**
 * The QEMU process of a VM, read from /proc: cheaper than asking libvirt, and it answers while the VM hangs.
 * Formats: proc(5).
 */
export interface QemuProcess {
  readonly pid: number
  /** Clock ticks since boot when it started: with the pid it names the process for good. */
  readonly startTicks: string
}

export interface ProcessIo {
  readonly readBytes: bigint
  readonly writeBytes: bigint
  /** Bytes and calls of read- and write-like system calls, cached or not. */
  readonly callBytes: bigint
  readonly calls: bigint
}

/** Finds the processes of these VMs in one walk over /proc; what cannot be read is not found. */
export async function findQemuProcesses(
  files: MachineFiles,
  procRoot: string,
  uuids: ReadonlySet<string>,
): Promise<ReadonlyMap<string, QemuProcess>> {
  const found = new Map<string, QemuProcess>()
  for (const entry of await files.readDirectory(procRoot).catch(() => [])) {
    if (!/^\d+$/.test(entry)) continue
    const pid = Number(entry)
    const commandLine = await readCommandLine(files, path.join(procRoot, entry, 'cmdline'))
    const uuid = uuidOfCommandLine(commandLine)
    if (uuid === undefined || !uuids.has(uuid)) continue
    const stat = readProcessStat(files, procRoot, pid)
    if (stat !== undefined) found.set(uuid, { pid, startTicks: stat.startTicks })
  }
  return found
}

/** The UUID after `-uuid` on a QEMU's command line. */
export function uuidOfCommandLine(commandLine: string): string | undefined {
  const words = commandLine.split('\0')
  const program = path.basename(words[0] ?? '')
  if (!/qemu|kvm/.test(program)) return undefined
  const at = words.indexOf('-uuid')
  return at < 0 ? undefined : words[at + 1]?.toLowerCase()
}

export interface ProcessStat {
  /** R, S, D, T, Z, … */
  readonly state: string
  readonly startTicks: string
}

/** @returns undefined if the process is gone or hidden */
export function readProcessStat(files: MachineFiles, procRoot: string, pid: number): ProcessStat | undefined {
  return parseProcessStat(readText(files, `${procRoot}/${pid}/stat`))
}

export function parseProcessStat(text: string): ProcessStat | undefined {
  // The name in parentheses may hold anything, parentheses too.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const state = fields[0]
  const startTicks = fields[19]
  return state === undefined || startTicks === undefined || state === '' ? undefined : { state, startTicks }
}

/** Resident memory in bytes; undefined if it cannot be read. */
export function readResidentBytes(
  files: MachineFiles,
  procRoot: string,
  pid: number,
  pageBytes: number,
): number | undefined {
  const pages = /^\d+ (\d+) /.exec(readText(files, `${procRoot}/${pid}/statm`))?.[1]
  return pages === undefined ? undefined : Number(pages) * pageBytes
}

/** @returns undefined if it may not be read: that takes the same user, or root */
export function readProcessIo(files: MachineFiles, procRoot: string, pid: number): ProcessIo | undefined {
  return parseProcessIo(readText(files, `${procRoot}/${pid}/io`))
}

export function parseProcessIo(text: string): ProcessIo | undefined {
  const values = new Map<string, bigint>()
  for (const [, name = '', digits = ''] of text.matchAll(/^(\w+): (\d+)$/gm)) values.set(name, BigInt(digits))
  const value = (name: string): bigint | undefined => values.get(name)
  const [rchar, wchar, syscr, syscw] = [value('rchar'), value('wchar'), value('syscr'), value('syscw')]
  const [readBytes, writeBytes] = [value('read_bytes'), value('write_bytes')]
  if (rchar === undefined || wchar === undefined || syscr === undefined || syscw === undefined) return undefined
  if (readBytes === undefined || writeBytes === undefined) return undefined
  return { readBytes, writeBytes, callBytes: rchar + wchar, calls: syscr + syscw }
}

/**
 * Whether the VM may have used its disks between two readings. QEMU wakes itself by reading and writing eight bytes at a time;
 * only what is more than that counts.
 */
export function moved(before: ProcessIo | undefined, after: ProcessIo | undefined): boolean {
  if (before === undefined || after === undefined) return true
  if (before.readBytes !== after.readBytes || before.writeBytes !== after.writeBytes) return true
  return after.callBytes - before.callBytes > 8n * (after.calls - before.calls)
}

function readText(files: MachineFiles, file: string): string {
  try {
    return files.read(file)
  } catch {
    return ''
  }
}

/** Not with the others: the kernel reads it from the process's own memory, which may take a hanging process's while. */
async function readCommandLine(files: MachineFiles, file: string): Promise<string> {
  try {
    return (await files.readFile(file)).toString('utf8')
  } catch {
    return ''
  }
}
