import type {
  ArrayRaw,
  DiskRaw,
  FileSystemRaw,
  Gap,
  HostRaw,
  NetworkRaw,
  NicRaw,
  Sample,
  VmRaw,
} from '../hypervisor.js'
import { ioAmong, levelBytes, uptimeSeconds } from './growth.js'
import type { PerfSample } from './perf-query.js'
import type { ReadableVm } from './plan-queries.js'
import type { TotalsAt } from './running-totals.js'

/** One VM with what was read of it in one pass. */
export interface VmHistory {
  readonly readable: ReadableVm
  /** Oldest first, each later than `lastAtMs`. */
  readonly told: readonly TotalsAt[]
  readonly samples: ReadonlyMap<number, PerfSample>
  /** The last that was told before this pass, and its run. */
  readonly last: Pick<TotalsAt, 'atMs' | 'runId'> | undefined
  /** It is off, and nothing from before can come any more. */
  readonly isOff: boolean
}

export interface HostHistory {
  readonly told: readonly TotalsAt[]
  readonly samples: ReadonlyMap<number, PerfSample>
  /** The end of the last interval that was told, before this pass or in it. */
  readonly lastAtMs: number
  readonly memoryBytes: number
  readonly threads: number | undefined
  readonly nics: readonly string[]
  readonly arrays: readonly string[]
  /** As they are now. */
  readonly fileSystems: readonly FileSystemRaw[]
}

/** A sample with the moment that it is of. */
export type TimedSample = Sample & { readonly atMs: number }

/**
 * Puts what was read in the order of time: one sample for each moment, on our clock. A state pass has to name every VM, or it
 * is taken for gone; so those without figures of that moment are named without any, and those whose figures are late as a gap.
 *
 * @param clockOffsetMs the server's clock minus ours
 */
export function timeline(host: HostHistory, vms: readonly VmHistory[], clockOffsetMs: number): readonly TimedSample[] {
  const moments = new Set([host.lastAtMs, ...host.told.map((one) => one.atMs)])
  for (const vm of vms) for (const one of vm.told) moments.add(one.atMs)
  const hostAt = new Map(host.told.map((one) => [one.atMs, one]))
  const books = vms.map((vm) => ({ vm, at: new Map(vm.told.map((one) => [one.atMs, one])) }))
  const clock = (atMs: number): number => Math.round(atMs - clockOffsetMs)
  return [...moments]
    .toSorted((a, b) => a - b)
    .map((atMs) => {
      const raws: VmRaw[] = []
      const gaps: Gap[] = []
      for (const { vm, at } of books) {
        const totals = at.get(atMs)
        const raw = totals === undefined ? named(vm, atMs) : vmRaw(vm, totals)
        if (raw === undefined) gaps.push(lateGap(vm, atMs, clock))
        else raws.push({ ...raw, atMs: clock(raw.atMs) })
      }
      const totals = hostAt.get(atMs)
      return {
        atMs: clock(atMs),
        vms: raws,
        gaps,
        ...(totals === undefined ? {} : { host: hostRaw(host, totals), arrays: arrayRaws(host, totals) }),
      }
    })
}

/** A VM without figures of this moment. @returns undefined if they are still to come */
function named({ readable, told, last, isOff }: VmHistory, atMs: number): VmRaw | undefined {
  const { uuid } = readable.vm
  const known = told.findLast((one) => one.atMs <= atMs) ?? last
  const comes = told.find((one) => one.atMs > atMs)
  // Figures of a moment before the one that is named here would be taken for old news: so it is named only if none can come.
  if (isOff && comes === undefined) {
    const { vcpus, memoryBytes } = readable
    const at = Math.max(atMs, known?.atMs ?? atMs)
    const saved = readable.vm.power === 'suspended' ? ({ stateReason: 'saved' } as const) : {}
    return { uuid, runId: '', atMs: at, state: 'shutoff', ...saved, vcpus, memoryMaxBytes: memoryBytes }
  }
  if (known !== undefined && known.atMs >= atMs) return { uuid, runId: known.runId, atMs: known.atMs }
  return comes === undefined ? undefined : { uuid, runId: known?.runId ?? comes.runId, atMs }
}

function lateGap({ readable, told, last }: VmHistory, atMs: number, clock: (atMs: number) => number): Gap {
  const known = told.at(-1)?.atMs ?? last?.atMs
  const message = known === undefined ? 'its first sample is still to come' : 'its sample of this interval is late'
  return { vmUuid: readable.vm.uuid, group: 'cpu', reason: 'failed', message, sinceMs: clock(known ?? atMs) }
}

function vmRaw({ readable, samples }: VmHistory, { runId, atMs, totals, isBegin }: TotalsAt): VmRaw {
  const { vm, vcpus, memoryBytes } = readable
  const base: VmRaw = {
    uuid: vm.uuid,
    runId,
    atMs,
    ...definedOnly({ cpuSeconds: totals['cpuSeconds'], vcpuWaitSeconds: totals['vcpuWaitSeconds'] }),
    disks: readable.disks.flatMap((target): DiskRaw[] => some({ target, ...ioAmong(totals, `disk ${target}`) })),
    nics: readable.nics.flatMap((device): NicRaw[] => some({ device, ...nicAmong(totals, `nic ${device}`) })),
  }
  const sample = samples.get(atMs)
  if (isBegin || sample === undefined) return base
  return {
    ...base,
    ...(vm.power === 'on' ? { state: 'running' as const } : {}),
    vcpus,
    memoryMaxBytes: memoryBytes,
    memoryBytes,
    ...definedOnly({
      memoryRssBytes: levelBytes(sample, 'mem.consumed.average'),
      memoryActiveBytes: levelBytes(sample, 'mem.active.average'),
      memoryBalloonedBytes: levelBytes(sample, 'mem.vmmemctl.average'),
      memorySwappedBytes: levelBytes(sample, 'mem.swapped.average'),
    }),
  }
}

const nicNames = [
  'receiveBytes',
  'transmitBytes',
  'receivePackets',
  'transmitPackets',
  'receiveDrops',
  'transmitDrops',
  // Of the host's interfaces only.
  'receiveErrors',
  'transmitErrors',
] as const

function nicAmong(totals: Readonly<Record<string, number>>, prefix: string): Omit<NicRaw, 'device'> {
  return definedOnly(Object.fromEntries(nicNames.map((name) => [name, totals[`${prefix} ${name}`]])))
}

/** A part of which nothing was measured is not told at all. */
function some<Part extends object>(part: Part): Part[] {
  return Object.keys(part).length > 1 ? [part] : []
}

function hostRaw(host: HostHistory, { runId, atMs, totals, isBegin }: TotalsAt): HostRaw {
  const counted: HostRaw = {
    runId,
    ...definedOnly({
      cpuUsedSeconds: totals['cpuSeconds'],
      cpuIdleSeconds: totals['cpuIdleSeconds'],
      swapInBytes: totals['swapInBytes'],
      swapOutBytes: totals['swapOutBytes'],
    }),
    networks: host.nics.flatMap((device) => networkRaws(device, totals)),
  }
  const sample = host.samples.get(atMs)
  if (isBegin || sample === undefined) return counted
  const consumed = levelBytes(sample, 'mem.consumed.average')
  const free = consumed === undefined ? undefined : Math.max(0, host.memoryBytes - consumed)
  return {
    ...counted,
    memoryBytes: host.memoryBytes,
    ...(atMs === host.lastAtMs ? { fileSystems: host.fileSystems } : {}),
    ...definedOnly({
      cpuThreads: host.threads,
      memoryAvailableBytes: free,
      memoryFreeBytes: free,
      uptimeSeconds: uptimeSeconds(sample),
    }),
  }
}

/** An interface of the host is known in full or not told at all. */
function networkRaws(device: string, totals: Readonly<Record<string, number>>): NetworkRaw[] {
  const traffic = nicAmong(totals, `nic ${device}`)
  return isWhole(traffic) ? [{ device, ...traffic }] : []
}

function isWhole(traffic: Omit<NicRaw, 'device'>): traffic is Omit<NetworkRaw, 'device'> {
  return nicNames.every((name) => traffic[name] !== undefined)
}

function arrayRaws({ arrays }: HostHistory, { runId, totals }: TotalsAt): ArrayRaw[] {
  return arrays.flatMap((key) => {
    const io = ioAmong(totals, `array ${key}`)
    return Object.keys(io).length === 0 ? [] : [{ key, runId, ...io }]
  })
}

type Known<Values> = { readonly [Name in keyof Values]?: number }

function definedOnly<Values extends Readonly<Record<string, number | undefined>>>(values: Values): Known<Values>
function definedOnly(values: Readonly<Record<string, number | undefined>>): Readonly<Record<string, number>> {
  const kept: Record<string, number> = {}
  for (const [name, value] of Object.entries(values)) if (value !== undefined) kept[name] = value
  return kept
}
