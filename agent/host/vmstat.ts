import type { HostRaw } from '../hypervisor/hypervisor.js'
import { bytesAt, MalformedFile, procLines } from './proc-text.js'
import type { Collector } from './run-collectors.js'
import type { TextReader } from './text-reader.js'

const file = '/proc/vmstat'

/** Bytes swapped in and out since boot. */
export function vmstatCollector(procRoot: string, reader: TextReader, pageBytes: number): Collector {
  return { name: 'vmstat', collect: async () => parseVmstat(reader.read(`${procRoot}/vmstat`), pageBytes) }
}

/** Lines `pswpin 12` count pages. A kernel without swap has neither of the two. @throws MalformedFile */
export function parseVmstat(text: string, pageBytes: number): HostRaw {
  if (text.trim() === '') throw new MalformedFile(file, 1, 'a name and a count', '')
  const lines = procLines(file, text, (line) => line.startsWith('pswp'))
  const swapIn = lines.find(({ columns }) => columns[0] === 'pswpin')
  const swapOut = lines.find(({ columns }) => columns[0] === 'pswpout')
  return {
    ...(swapIn === undefined ? {} : { swapInBytes: bytesAt(swapIn, 1, pageBytes) }),
    ...(swapOut === undefined ? {} : { swapOutBytes: bytesAt(swapOut, 1, pageBytes) }),
  }
}
