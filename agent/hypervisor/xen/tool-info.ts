import type { ToolstackHost } from './toolstack.js'
import { malformed } from './xen-tools.js'

/** What `xl info` or `xm info` tells of the host. */
export interface ToolInfo {
  readonly host: ToolstackHost
  /** Whole MiB. */
  readonly freeBytes: number
}

const mostLines = 10_000

/** @throws XenToolError */
export function parseToolInfo(text: string): ToolInfo {
  const values = new Map<string, string>()
  for (const line of text.split('\n', mostLines)) {
    const colon = line.indexOf(':')
    const key = line.slice(0, Math.max(0, colon)).trim()
    // Old ones list their NUMA nodes below each other: lines without a key of their own.
    if (/^\w+$/.test(key) && !values.has(key)) values.set(key, line.slice(colon + 1).trim())
  }
  const whole = (key: string): number | undefined => {
    const value = values.get(key) ?? ''
    return /^\d{1,12}$/.test(value) ? Number(value) : undefined
  }
  const needed = (key: string): number => {
    const value = whole(key)
    if (value === undefined) throw malformed('info', key, 'a number', values.get(key) ?? '')
    return value
  }
  const cpuThreads = needed('nr_cpus')
  const threadsPerCore = whole('threads_per_core') ?? 0
  const mhz = /^\d{1,6}(\.\d{1,6})?$/.test(values.get('cpu_mhz') ?? '') ? Math.round(Number(values.get('cpu_mhz'))) : 0
  const numaNodes = whole('nr_nodes') ?? 0
  return {
    host: {
      uuid: undefined,
      hypervisorVersion: `Xen ${versionOf(values)}`,
      cpuThreads,
      ...(threadsPerCore > 0 && cpuThreads % threadsPerCore === 0 ? { cpuCores: cpuThreads / threadsPerCore } : {}),
      ...(mhz > 0 ? { cpuMhz: mhz } : {}),
      ...(numaNodes > 0 ? { numaNodes } : {}),
      memoryBytes: needed('total_memory') * 2 ** 20,
    },
    freeBytes: needed('free_memory') * 2 ** 20,
  }
}

function versionOf(values: ReadonlyMap<string, string>): string {
  const version = `${values.get('xen_major') ?? ''}.${values.get('xen_minor') ?? ''}${values.get('xen_extra') ?? ''}`
  if (!/^\d{1,4}\.\d{1,4}[\w.~+-]{0,32}$/.test(version)) {
    throw malformed('info', 'xen_major, xen_minor, xen_extra', 'a version', version)
  }
  return version
}
