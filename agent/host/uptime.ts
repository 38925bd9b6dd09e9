import type { HostRaw } from '../hypervisor/hypervisor.js'
import { decimalAt, firstLine } from './proc-text.js'
import type { Collector } from './run-collectors.js'
import type { TextReader } from './text-reader.js'

/** Seconds since the machine booted. */
export function uptimeCollector(procRoot: string, reader: TextReader): Collector {
  return { name: 'uptime', collect: async () => parseUptime(reader.read(`${procRoot}/uptime`)) }
}

/** `350735.47 234388.90`: since boot, and idle over all CPUs. @throws MalformedFile */
export function parseUptime(text: string): HostRaw {
  return { uptimeSeconds: decimalAt(firstLine('/proc/uptime', text, 'seconds since boot'), 0) }
}
