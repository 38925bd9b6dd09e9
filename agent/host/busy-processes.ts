import type { BusyProcessesRaw, Capability, HostRaw, ProcessIoRaw } from '../hypervisor/hypervisor.js'
import { errorCode } from '../../common/error-code.js'
import type { MachineFiles } from './machine-files.js'
import type { Collector } from './run-collectors.js'

/** So many are told of. */
const mostTold = 5
/** Reading one takes some 15 µs: of more none is read, and the collector says so. */
const mostProcesses = 4096

interface Totals {
  readonly readBytes: number
  readonly writeBytes: number
}

/**
 * The processes of the machine that read and wrote most since the pass before, by /proc/PID/io (proc(5)), without those that are
 * VMs. Names are those of the programs alone: what they were started with may hold secrets.
 */
export function busyProcessesCollector(procRoot: string, files: MachineFiles, monotonicMs: () => number): Collector {
  let last: { readonly atMs: number; readonly totals: ReadonlyMap<number, Totals> } | undefined
  return {
    name: 'processes',
    async collect(): Promise<HostRaw> {
      const atMs = monotonicMs()
      const before = last
      const read = readAll(procRoot, files)
      const { totals } = read
      last = areTold(read) ? { atMs, totals } : undefined
      if (last === undefined || before === undefined || atMs <= before.atMs) return {}
      const nameOf = (pid: number): string | undefined => readName(procRoot, files, pid)
      const busyProcesses: BusyProcessesRaw = {
        seconds: (atMs - before.atMs) / 1000,
        processes: busiest(before.totals, totals, nameOf),
      }
      return { busyProcesses }
    },
  }
}

/**
 * Those that grew most, first. A process that was not there before has done all of its own since then.
 * @param nameOf undefined if it is gone
 */
export function busiest(
  before: ReadonlyMap<number, Totals>,
  now: ReadonlyMap<number, Totals>,
  nameOf: (pid: number) => string | undefined,
): ProcessIoRaw[] {
  const grown = [...now].flatMap(([pid, totals]) => {
    const { readBytes, writeBytes } = growth(before.get(pid), totals)
    return readBytes + writeBytes > 0 ? [{ pid, readBytes, writeBytes }] : []
  })
  grown.sort((a, b) => b.readBytes + b.writeBytes - a.readBytes - a.writeBytes || a.pid - b.pid)
  const told: ProcessIoRaw[] = []
  for (const one of grown) {
    if (told.length >= mostTold) break
    const name = nameOf(one.pid)
    if (name !== undefined && !isVm(name)) told.push({ ...one, name })
  }
  return told
}

/** A number is given anew after a process's end: the new one begins at 0. */
function growth(before: Totals | undefined, now: Totals): Totals {
  const isAnew = before === undefined || now.readBytes < before.readBytes || now.writeBytes < before.writeBytes
  if (isAnew) return now
  return { readBytes: now.readBytes - before.readBytes, writeBytes: now.writeBytes - before.writeBytes }
}

/** QEMU as distributions call it, the device model of Xen and what serves its disks; not qemu-img, qemu-nbd and such. */
export function isVm(name: string): boolean {
  return /^(?:qemu-system-|qemu-kvm$|kvm$|qemu-dm$|tapdisk)/.test(name)
}

/** @throws if there are too many */
function readAll(procRoot: string, files: MachineFiles): { totals: ReadonlyMap<number, Totals>; denied: number } {
  const pids = files.names(procRoot).filter((name) => /^\d{1,10}$/.test(name))
  if (pids.length > mostProcesses) throw new Error(`${pids.length} processes: more than ${mostProcesses} are not read`)
  const totals = new Map<number, Totals>()
  let denied = 0
  for (const pid of pids) {
    try {
      const found = parseIo(files.read(`${procRoot}/${pid}/io`))
      if (found !== undefined) totals.set(Number(pid), found)
    } catch (error) {
      // Others have ended, or have no such file.
      if (isDenied(error)) denied += 1
    }
  }
  return { totals, denied }
}

/** Our own can always be read, and a few of others' never: where most are hidden it would look as if nobody wrote. */
function areTold({ totals, denied }: ReturnType<typeof readAll>): boolean {
  return totals.size > denied
}

/** Bytes that a process made the storage read and write; undefined where the kernel does not say. */
export function parseIo(text: string): Totals | undefined {
  const readBytes = /^read_bytes: (\d{1,16})$/m.exec(text)?.[1]
  const writeBytes = /^write_bytes: (\d{1,16})$/m.exec(text)?.[1]
  if (readBytes === undefined || writeBytes === undefined) return undefined
  return { readBytes: Number(readBytes), writeBytes: Number(writeBytes) }
}

function readName(procRoot: string, files: MachineFiles, pid: number): string | undefined {
  try {
    // Which program it is, or what it calls itself: 15 bytes at most, of any kind.
    return (
      files
        .read(`${procRoot}/${pid}/comm`)
        .replaceAll(/[^\x20-\x7e]+/g, ' ')
        .trim() || undefined
    )
  } catch {
    return undefined
  }
}

function isDenied(error: unknown): boolean {
  return ['EACCES', 'EPERM'].includes(errorCode(error))
}

/** Whether processes of others can be read. */
export function processesCapability(procRoot: string, files: MachineFiles): Capability {
  const name = 'host-processes'
  const read = readAll(procRoot, files)
  if (areTold(read)) return { name, support: 'yes' }
  return {
    name,
    support: 'no',
    reason:
      read.denied > 0
        ? 'what other processes read and write is told to root only'
        : 'this kernel does not account for what processes read and write',
  }
}
