import type { HostRaw } from '../hypervisor/hypervisor.js'
import { decimalAt, firstLine } from './proc-text.js'
import type { Collector } from './run-collectors.js'
import type { TextReader } from './text-reader.js'

/** Load averages over 1, 5 and 15 minutes. */
export function loadavgCollector(procRoot: string, reader: TextReader): Collector {
  return { name: 'loadavg', collect: async () => parseLoadavg(reader.read(`${procRoot}/loadavg`)) }
}

/** `0.20 0.18 0.12 1/80 11206`. @throws MalformedFile */
export function parseLoadavg(text: string): HostRaw {
  const line = firstLine('/proc/loadavg', text, 'three load averages')
  return { load1: decimalAt(line, 0), load5: decimalAt(line, 1), load15: decimalAt(line, 2) }
}
