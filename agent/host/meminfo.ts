import type { HostRaw } from '../hypervisor/hypervisor.js'
import { bytesAt, MalformedFile, procLines } from './proc-text.js'
import type { Collector } from './run-collectors.js'
import type { TextReader } from './text-reader.js'

const file = '/proc/meminfo'

/** Memory and swap of the machine; under Xen that of dom0 only. */
export function meminfoCollector(procRoot: string, reader: TextReader): Collector {
  return { name: 'meminfo', collect: async () => parseMeminfo(reader.read(`${procRoot}/meminfo`)) }
}

/** `MemTotal:  16384256 kB` and so on. MemAvailable is absent before Linux 3.14. @throws MalformedFile */
export function parseMeminfo(text: string): HostRaw {
  const bytes = new Map<string, number>()
  for (const line of procLines(file, text, (line) => /^(?:Mem|Swap)/.test(line))) {
    const name = line.columns[0] ?? ''
    if (!wanted.has(name)) continue
    const value = bytesAt(line, 1, 1024)
    if (line.columns[2] !== 'kB') throw new MalformedFile(file, line.number, 'kB after the value', line.text)
    bytes.set(name, value)
  }
  const total = bytes.get('MemTotal:')
  if (total === undefined) throw new MalformedFile(file, 1, 'a line MemTotal', text)
  const available = bytes.get('MemAvailable:')
  const free = bytes.get('MemFree:')
  const swap = bytes.get('SwapTotal:')
  const swapFree = bytes.get('SwapFree:')
  return {
    memoryBytes: total,
    ...(available === undefined ? {} : { memoryAvailableBytes: available }),
    ...(free === undefined ? {} : { memoryFreeBytes: free }),
    ...(swap === undefined ? {} : { swapBytes: swap }),
    ...(swapFree === undefined ? {} : { swapFreeBytes: swapFree }),
  }
}

const wanted: ReadonlySet<string> = new Set(['MemTotal:', 'MemAvailable:', 'MemFree:', 'SwapTotal:', 'SwapFree:'])
