import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { decodeSegment } from '../../agent/report/segment-file.js'
import type { Report } from '../../proto/gen/headroom/v1/report.js'
import { decodeUnheard } from './wire-witness.js'

/** A report in a spool file. */
export interface Kept {
  readonly bytes: Buffer
  readonly report: Report
}

/** What an agent's spool directory holds, by spool and number; the end of a file that was cut short is left out. */
export async function readSpools(directory: string): Promise<ReadonlyMap<string, ReadonlyMap<number, Kept>>> {
  const spools = new Map<string, Map<number, Kept>>()
  const names = await readdir(directory).catch(() => [])
  for (const name of names.toSorted((a, b) => (a < b ? -1 : 1))) {
    const reports = new Map<number, Kept>()
    for (const file of await readdir(join(directory, name))) {
      for (const { seq, report: bytes } of decodeSegment(await readFile(join(directory, name, file))).records) {
        const { message } = decodeUnheard(bytes)
        if (message?.$case === 'report') reports.set(seq, { bytes, report: message.value })
      }
    }
    // `<milliseconds>-<id>`
    spools.set(name.slice(name.indexOf('-') + 1), reports)
  }
  return spools
}
