import type { HostRaw } from '../hypervisor/hypervisor.js'
import { bytesAt, MalformedFile, procLines } from './proc-text.js'
import type { Collector } from './run-collectors.js'
import type { TextReader } from './text-reader.js'

const file = '/proc/vmstat'

/** Bytes swapped in and out since boot, and how much waits to be written against what the kernel lets wait. */
export function vmstatCollector(procRoot: string, reader: TextReader, pageBytes: number): Collector {
  return { name: 'vmstat', collect: async () => parseVmstat(reader.read(`${procRoot}/vmstat`), pageBytes) }
}

/**
 * Lines `pswpin 12` count pages. A kernel without swap has neither of the two; one before 2.6.37 does not tell its thresholds, which
 * it makes of vm.dirty_ratio or vm.dirty_bytes and of the memory that there is (mm/page-writeback.c). @throws MalformedFile
 */
export function parseVmstat(text: string, pageBytes: number): HostRaw {
  if (text.trim() === '') throw new MalformedFile(file, 1, 'a name and a count', '')
  const lines = procLines(file, text, (line) => /^(?:pswp|nr_dirty|nr_writeback )/.test(line))
  const bytesOf = (name: string): number | undefined => {
    const line = lines.find(({ columns }) => columns[0] === name)
    return line === undefined ? undefined : bytesAt(line, 1, pageBytes)
  }
  const found = Object.entries(names).flatMap(([field, name]) => {
    const bytes = bytesOf(name)
    return bytes === undefined ? [] : [[field, bytes] as const]
  })
  return Object.fromEntries(found)
}

const names = {
  swapInBytes: 'pswpin',
  swapOutBytes: 'pswpout',
  dirtyBytes: 'nr_dirty',
  writebackBytes: 'nr_writeback',
  dirtyLimitBytes: 'nr_dirty_threshold',
  dirtyBackgroundBytes: 'nr_dirty_background_threshold',
} as const satisfies Partial<Record<keyof HostRaw, string>>
