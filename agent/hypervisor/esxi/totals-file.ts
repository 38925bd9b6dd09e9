import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'

import { errorCode } from '../../../common/error-code.js'
import { makeDirectoryDurably, writeDurably } from '../../../common/durable-file.js'
import type { Log } from '../../../common/log.js'
import type { RunningTotals } from './running-totals.js'

/** What the reader of one host must not forget. */
export interface HostTotals {
  /** The server's clock minus ours, milliseconds. */
  readonly clockOffsetMs: number
  readonly host: RunningTotals | undefined
  /** By UUID. */
  readonly vms: ReadonlyMap<string, RunningTotals>
}

export const noTotals: HostTotals = { clockOffsetMs: 0, host: undefined, vms: new Map() }

const total = z.number().min(0).max(Number.MAX_SAFE_INTEGER)
const running = z.strictObject({
  runId: z.string().min(1).max(64),
  atMs: z.int().min(0).max(4e12),
  totals: z.record(z.string().max(400), total),
})
const schema = z.strictObject({
  version: z.literal(1),
  clockOffsetMs: z.number().min(-1e12).max(1e12),
  host: running.optional(),
  vms: z.record(z.string().max(64), running),
})

/** Reads them. A file that is missing or damaged means: start afresh, with new runs; the latter is said. */
export async function loadTotals(path: string, log: Log): Promise<HostTotals> {
  try {
    const { clockOffsetMs, host, vms } = schema.parse(JSON.parse(await readFile(path, 'utf8')))
    return { clockOffsetMs, host, vms: new Map(Object.entries(vms)) }
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') {
      log.warn({ err: error, path }, 'the kept totals cannot be used; counting begins anew')
    }
    return noTotals
  }
}

/** @throws Error of the file system */
export async function saveTotals(path: string, { clockOffsetMs, host, vms }: HostTotals): Promise<void> {
  makeDirectoryDurably(dirname(path))
  const content = { version: 1, clockOffsetMs, ...(host === undefined ? {} : { host }), vms: Object.fromEntries(vms) }
  await writeDurably(path, JSON.stringify(content))
}
