import type { DiskRaw, NicRaw, VmRaw } from '../hypervisor.js'
import { memoryStat, type DomainInfo } from './procedures.js'
import { counter, text, type TypedParameters } from './typed-parameters.js'
import { nanosecondsToSeconds, toNumber } from './xdr.js'

/** libvirt's answers as the seam wants them: bytes, seconds, nothing where libvirt says nothing. */

export type MemoryRaw = Pick<
  VmRaw,
  | 'memoryGuestUsedBytes'
  | 'memoryGuestAvailableBytes'
  | 'memoryGuestAgeMs'
  | 'memorySwapInBytes'
  | 'memorySwapOutBytes'
  | 'memoryMajorFaults'
>

/** One disk's answer to DOMAIN_BLOCK_STATS_FLAGS. */
export function diskRaw(target: string, parameters: TypedParameters): DiskRaw {
  const number = (name: string): number | undefined => convert(counter(parameters, name), toNumber)
  const seconds = (name: string): number | undefined => convert(counter(parameters, name), nanosecondsToSeconds)
  return defined({
    target,
    readRequests: number('rd_operations'),
    readBytes: number('rd_bytes'),
    readSeconds: seconds('rd_total_times'),
    writeRequests: number('wr_operations'),
    writeBytes: number('wr_bytes'),
    writeSeconds: seconds('wr_total_times'),
    flushRequests: number('flush_operations'),
    flushSeconds: seconds('flush_total_times'),
    errors: number('errs'),
  })
}

/** libvirt lists a VM's NICs by number; their names are those of the host's devices. */
const maxNics = 256

/** The interface group of GET_ALL_DOMAIN_STATS. */
export function nicsRaw(parameters: TypedParameters): NicRaw[] {
  const count = Math.min(maxNics, toNumber(counter(parameters, 'net.count') ?? 0n))
  return Array.from({ length: count }, (_, index) => {
    const device = text(parameters, `net.${index}.name`)
    const number = (name: string): number | undefined => convert(counter(parameters, `net.${index}.${name}`), toNumber)
    if (device === undefined) return []
    return [
      defined({
        device,
        receiveBytes: number('rx.bytes'),
        receivePackets: number('rx.pkts'),
        receiveErrors: number('rx.errs'),
        receiveDrops: number('rx.drop'),
        transmitBytes: number('tx.bytes'),
        transmitPackets: number('tx.pkts'),
        transmitErrors: number('tx.errs'),
        transmitDrops: number('tx.drop'),
      }),
    ]
  }).flat()
}

/** CPU time and sizes from DOMAIN_GET_INFO. */
export function infoRaw(info: DomainInfo): {
  cpu: Pick<VmRaw, 'cpuSeconds' | 'vcpus'>
  size: Pick<VmRaw, 'memoryMaxBytes' | 'memoryBytes'>
} {
  return {
    cpu: { cpuSeconds: nanosecondsToSeconds(info.cpuNanoseconds), vcpus: info.vcpus },
    size: { memoryMaxBytes: toNumber(info.maxMemoryKib) * 1024, memoryBytes: toNumber(info.memoryKib) * 1024 },
  }
}

/**
 * The guest's own figures from DOMAIN_MEMORY_STATS. Used = total − usable; guests before Linux 4.6 do not know `usable`, so
 * total − unused there, which counts the page cache as used. Empty if the guest never reported.
 */
export function guestMemoryRaw(stats: ReadonlyMap<number, bigint>, nowMs: number): MemoryRaw {
  const lastUpdate = stats.get(memoryStat.lastUpdate)
  if (lastUpdate === undefined || lastUpdate === 0n) return {}
  const bytes = (tag: number): number | undefined => convert(stats.get(tag), (kib) => toNumber(kib) * 1024)
  const total = bytes(memoryStat.available)
  const available = bytes(memoryStat.usable) ?? bytes(memoryStat.unused)
  return defined({
    memoryGuestUsedBytes:
      total === undefined || available === undefined || available > total ? undefined : total - available,
    memoryGuestAvailableBytes: available,
    memoryGuestAgeMs: Math.max(0, Math.round(nowMs - toNumber(lastUpdate) * 1000)),
    memorySwapInBytes: bytes(memoryStat.swapIn),
    memorySwapOutBytes: bytes(memoryStat.swapOut),
    memoryMajorFaults: convert(stats.get(memoryStat.majorFault), toNumber),
  })
}

/**
 * Time that the VM's CPUs were ready to run and did not get to, all added up, from the vcpu group of GET_ALL_DOMAIN_STATS.
 * `delay` is always kept by the kernel; `wait`, of older libvirt, only with schedstats on.
 */
export function vcpuWaitSeconds(parameters: TypedParameters): number | undefined {
  const sum = (name: 'delay' | 'wait'): bigint | undefined => {
    let total: bigint | undefined
    for (const [key, value] of parameters) {
      if (typeof value === 'bigint' && vcpuKeys[name].test(key)) total = (total ?? 0n) + value
    }
    return total
  }
  return convert(sum('delay') ?? sum('wait'), nanosecondsToSeconds)
}

const vcpuKeys = { delay: /^vcpu\.\d+\.delay$/, wait: /^vcpu\.\d+\.wait$/ } as const

function convert(value: bigint | undefined, change: (value: bigint) => number): number | undefined {
  return value === undefined ? undefined : change(value)
}

type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
}

/** Drops what is undefined: absent means "not read". */
function defined<T extends object>(value: T): Defined<T> {
  // The entries that stay are those of T, without its undefined ones.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as Defined<T>
}
