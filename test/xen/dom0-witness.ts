import type { XenHost } from './boot-xen.js'

/** What dom0's own kernel and tools say. */

/** A row of `xl list`. */
export interface DomainRow {
  readonly id: number
  readonly memoryMiB: number
  readonly cpuSeconds: number
}

/** All domains by name, dom0 among them. */
export async function askDomains(xen: XenHost): Promise<ReadonlyMap<string, DomainRow>> {
  return parseXlList(await xen.run('xl list'))
}

export function parseXlList(text: string): ReadonlyMap<string, DomainRow> {
  const rows = text.matchAll(/^(\S+) +(\d+) +(\d+) +\d+\s+[-rbpscd]{6} +([\d.]+)$/gm)
  return new Map(
    [...rows].map(([, name = '', id, memory, seconds]) => [
      name,
      { id: Number(id), memoryMiB: Number(memory), cpuSeconds: Number(seconds) },
    ]),
  )
}

export interface MachineInfo {
  /** Xen's: `4.17.7`. */
  readonly version: string
  readonly totalMiB: number
  readonly freeMiB: number
}

export async function askMachine(xen: XenHost): Promise<MachineInfo> {
  return parseXlInfo(await xen.run('xl info'))
}

/** @throws if a figure is missing */
export function parseXlInfo(text: string): MachineInfo {
  const value = (name: string): string => {
    const found = new RegExp(`^${name} *: (\\S+)$`, 'm').exec(text)?.[1]
    if (found === undefined) throw new Error(`xl info has no ${name}: ${text}`)
    return found
  }
  return {
    version: value('xen_version'),
    totalMiB: Number(value('total_memory')),
    freeMiB: Number(value('free_memory')),
  }
}

/** Totals of a disk's back end in dom0's kernel. */
export interface DiskTotals {
  readonly readRequests: number
  readonly readBytes: number
  readonly writeRequests: number
  readonly writeBytes: number
}

/** docs/misc/vbd-interface.txt of Xen: 202 << 8 | disk << 4. */
const deviceNumbers: Readonly<Record<string, number>> = { xvda: 51_712, xvdb: 51_728 }
const sectorBytes = 512

/** By the shell alone, so that it is a matter of milliseconds. */
export async function askDisk(xen: XenHost, domainId: number, target: string): Promise<DiskTotals> {
  const directory = `/sys/bus/xen-backend/devices/vbd-${domainId}-${deviceNumbers[target]}/statistics`
  const names = ['rd_req', 'rd_sect', 'wr_req', 'wr_sect']
  const text = await xen.run(names.map((name) => `read -r n < ${directory}/${name} && echo "$n"`).join(' && '))
  const [readRequests = NaN, readSectors = NaN, writeRequests = NaN, writeSectors = NaN] = text.split('\n').map(Number)
  return { readRequests, readBytes: readSectors * sectorBytes, writeRequests, writeBytes: writeSectors * sectorBytes }
}

/** Bytes that dom0 sent to a guest. */
export async function askSentBytes(xen: XenHost, device: string): Promise<number> {
  return Number(await xen.run(`read -r n < /sys/class/net/${device}/statistics/tx_bytes && echo "$n"`))
}
