import type { Totals } from '../model/observation.js'
import type { Readings } from './absence.js'
import { meanMs, perSecond, type Interval } from './rates.js'

type Draft = Record<string, number | null>

function put(draft: Draft, field: string, value: number | undefined): void {
  if (value !== undefined) draft[field] = value
}

/** Rates and latencies of a disk, an array or (summed) a VM. */
export function ioReadings(of: Interval): Readings {
  const draft: Draft = {}
  for (const way of ['read', 'write', 'flush'] as const) {
    put(draft, `${way}BytesPerSecond`, perSecond(of, `${way}Bytes`))
    put(draft, `${way}RequestsPerSecond`, perSecond(of, `${way}Requests`))
    const timed = timesOf(way, of.delta)
    if (timed !== undefined) draft[`${way}LatencyMs`] = meanMs(of, timed.seconds, timed.requests) ?? null
  }
  put(draft, 'outOfSlotsPerSecond', perSecond(of, 'outOfSlots'))
  return draft
}

/** Which totals give the latency: the disk's own or, where the hypervisor does not time it, those of the device beneath. */
function timesOf(way: string, totals: Totals): { readonly seconds: string; readonly requests: string } | undefined {
  if (totals[`${way}Seconds`] !== undefined) return { seconds: `${way}Seconds`, requests: `${way}Requests` }
  const device = `device${way.charAt(0).toUpperCase()}${way.slice(1)}`
  if (totals[`${device}Seconds`] === undefined) return undefined
  return { seconds: `${device}Seconds`, requests: `${device}Requests` }
}

/** Zero rates for every total that is read: a disk that was proven not to have moved. */
export function idleReadings(totals: Totals): Readings {
  const draft: Draft = {}
  for (const way of ['read', 'write', 'flush'] as const) {
    for (const what of ['Bytes', 'Requests'] as const) {
      if (totals[`${way}${what}`] !== undefined) draft[`${way}${what}PerSecond`] = 0
    }
    if (timesOf(way, totals) !== undefined) draft[`${way}LatencyMs`] = null
  }
  return draft
}

/** Rates of a network interface. */
export function networkReadings(of: Interval): Readings {
  const draft: Draft = {}
  for (const name of ['receiveBytes', 'transmitBytes', 'receiveErrors', 'transmitErrors']) {
    put(draft, `${name}PerSecond`, perSecond(of, name))
  }
  return draft
}

/** CPU and swap of a VM. */
export function vmReadings(of: Interval): Readings {
  const draft: Draft = {}
  put(draft, 'cpuCores', perSecond(of, 'cpuSeconds'))
  put(draft, 'vcpuWaitFraction', perSecond(of, 'vcpuWaitSeconds'))
  put(draft, 'memorySwapInBytesPerSecond', perSecond(of, 'memorySwapInBytes'))
  put(draft, 'memorySwapOutBytesPerSecond', perSecond(of, 'memorySwapOutBytes'))
  return draft
}

/** CPU, swap and pressure of a host. Guests' CPU time is part of the user time, as in /proc/stat. */
export function hostReadings(of: Interval): Readings {
  const draft: Draft = {}
  const user = perSecond(of, 'cpuUserSeconds')
  const system = perSecond(of, 'cpuSystemSeconds')
  const divided = user === undefined || system === undefined ? undefined : user + system
  put(draft, 'cpuUsedCores', perSecond(of, 'cpuUsedSeconds') ?? divided)
  put(draft, 'cpuIowaitCores', perSecond(of, 'cpuIowaitSeconds'))
  put(draft, 'cpuStealCores', perSecond(of, 'cpuStealSeconds'))
  put(draft, 'swapInBytesPerSecond', perSecond(of, 'swapInBytes'))
  put(draft, 'swapOutBytesPerSecond', perSecond(of, 'swapOutBytes'))
  for (const name of ['CpuSome', 'MemorySome', 'MemoryFull', 'IoSome', 'IoFull']) {
    put(draft, `psi${name}Fraction`, perSecond(of, `psi${name}Seconds`))
  }
  return draft
}

/** Adds up intervals that end at the same moment: the disks of a VM, the NICs of a VM. Undefined if there is none. */
export function sum(intervals: readonly Interval[]): Interval | undefined {
  if (intervals.length === 0) return undefined
  const seconds = Math.max(...intervals.map((one) => one.seconds))
  const delta: Record<string, number> = {}
  for (const one of intervals) {
    for (const [name, value] of Object.entries(one.delta)) {
      if (value !== undefined) delta[name] = (delta[name] ?? 0) + value
    }
  }
  return { seconds, delta }
}
