import { hostname } from 'node:os'

import type si from 'systeminformation'

import type { Log } from '../../common/log.js'
import type { HostFacts, LocalDiskFacts } from '../hypervisor/hypervisor.js'
import { waitAtMost } from './wait-at-most.js'
import { readBootId, readKernelRelease } from './kernel.js'
import { createLocalFiles } from './local-files.js'
import { readLocalDisks } from './local-disks.js'
import { parseMeminfo } from './meminfo.js'

type OsFacts = 'os' | 'kernel' | 'machine' | 'cpuModel' | 'cpuCores' | 'cpuThreads' | 'cpuMhz' | 'localDisks'

/** The machine as its own operating system sees it. What could not be learnt is absent. */
export interface MachineFacts extends Pick<HostFacts, OsFacts> {
  readonly hostname: string
  readonly bootId?: string
  /** Under Xen this is dom0's share: the hypervisor's own figure wins. */
  readonly memoryBytes?: number
}

/** The four calls that are used. They fork shells, so once at the start only; `networkInterfaces` blocks for seconds and is not among them. */
export type MachineInventory = Pick<typeof si, 'system' | 'cpu' | 'osInfo' | 'diskLayout'>

export interface MachineFactsOptions {
  readonly procRoot: string
  readonly sysRoot: string
  readonly log: Log
  readonly signal: AbortSignal
  /** For each call. */
  readonly deadlineMs: number
  readonly inventory?: MachineInventory
}

/** The static inventory. Never rejects: what fails is logged and left out. */
export async function readMachineFacts(options: MachineFactsOptions): Promise<MachineFacts> {
  const files = createLocalFiles()
  const { procRoot, sysRoot, log, signal, deadlineMs } = options
  const inventory = options.inventory ?? (await import('systeminformation')).default
  const call = async <T>(name: string, start: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await waitAtMost(start(), deadlineMs, name, signal)
    } catch (error) {
      log.warn({ call: name, err: error }, 'part of the machine inventory is missing')
      return undefined
    }
  }
  const [system, cpu, os, layout, localDisks, memoryBytes, bootId, release] = await Promise.all([
    call('system', () => inventory.system()),
    call('cpu', () => inventory.cpu()),
    call('osInfo', () => inventory.osInfo()),
    call('diskLayout', () => inventory.diskLayout()),
    call('local disks', () => readLocalDisks(files, sysRoot)),
    call('meminfo', async () => parseMeminfo(files.read(`${procRoot}/meminfo`)).memoryBytes),
    call('boot id', async () => readBootId(procRoot, files)),
    call('kernel', async () => readKernelRelease(procRoot, files)),
  ])
  const osName = words(os?.distro, os?.release)
  const kernel = release ?? words(os?.kernel)
  const machine = words(system?.manufacturer, system?.model)
  const cpuModel = words(cpu?.manufacturer, cpu?.brand)
  const cpuCores = count(cpu?.physicalCores)
  const cpuThreads = count(cpu?.cores)
  const cpuMhz = count((cpu?.speed ?? 0) * 1000)
  return {
    hostname: hostname(),
    ...(bootId === undefined ? {} : { bootId }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(osName === undefined ? {} : { os: osName }),
    ...(kernel === undefined ? {} : { kernel }),
    ...(machine === undefined ? {} : { machine }),
    ...(cpuModel === undefined ? {} : { cpuModel }),
    ...(cpuCores === undefined ? {} : { cpuCores }),
    ...(cpuThreads === undefined ? {} : { cpuThreads }),
    ...(cpuMhz === undefined ? {} : { cpuMhz }),
    ...(localDisks === undefined ? {} : { localDisks: localDisks.map((disk) => named(disk, layout ?? [])) }),
  }
}

/** sysfs cuts a model off after 16 characters and may lack a serial number; the inventory knows both in full. */
function named(disk: LocalDiskFacts, layout: readonly si.Systeminformation.DiskLayoutData[]): LocalDiskFacts {
  const same = layout.find(({ device }) => device === `/dev/${disk.device}`)
  if (same === undefined) return disk
  return {
    ...disk,
    model: words(same.vendor, same.name) ?? disk.model,
    serial: disk.serial === '' ? (words(same.serialNum) ?? '') : disk.serial,
  }
}

/** Firmware's words that say nothing. */
const empty = /^(?:|-|unknown|none|default string|to be filled by o\.e\.m\.|not specified|system manufacturer)$/i

/** Parts that say something, in one text; a part that begins the next one is not repeated. */
export function words(...parts: readonly (string | undefined)[]): string | undefined {
  const clean = parts
    .map((part) =>
      (part ?? '')
        .replaceAll(/[\s\p{Cc}]+/gu, ' ')
        .trim()
        .slice(0, 200),
    )
    .filter((part) => !empty.test(part))
  const kept = clean.filter((part, index) => !(clean[index + 1] ?? '').toLowerCase().startsWith(part.toLowerCase()))
  return kept.length === 0 ? undefined : kept.join(' ')
}

function count(value: number | undefined): number | undefined {
  return value !== undefined && Number.isFinite(value) && value > 0 && value < 2 ** 31 ? Math.round(value) : undefined
}
