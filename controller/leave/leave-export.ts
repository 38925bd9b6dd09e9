import { execFile } from 'node:child_process'
import { cpSync, existsSync, statSync } from 'node:fs'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'

import { z } from 'zod'

import { syncDirectory, writeDurably } from '../../common/durable-file.js'
import { exportStore } from '../store/transfer/export-store.js'
import type { HistoryFormat } from '../store/transfer/format.js'
import { historyParts, noCounts, type HistoryCounts } from '../store/transfer/history.js'
import type { OfflineStore } from '../store/transfer/open-offline.js'
import type { ReadOptions } from '../store/transfer/read-history.js'
import { entityKinds } from '../store/measurements.js'
import { fleetFiles } from './fleet-files.js'
import type { FleetList } from './fleet-list.js'
import { leaveReadme } from './leave-readme.js'
import type { Leftover } from './leftovers.js'

const execute = promisify(execFile)

export interface LeaveExportOrder extends ReadOptions {
  /** A directory, or a file that ends in .tar, .tar.gz or .tgz. Replaced if it is an earlier export. */
  readonly target: string
  readonly version: string
  readonly format: HistoryFormat
  readonly gzip: boolean
  readonly fleet: FleetList
  /** What is elsewhere, and what removes it. */
  readonly left: readonly Leftover[]
  /** Files to copy, by name in the export. */
  readonly configuration: ReadonlyMap<string, string>
  /** The controller's own. */
  readonly stateDirectory: string
  /** Undefined if there is no history. */
  readonly openStore: (() => Promise<OfflineStore>) | undefined
}

const manifestName = 'manifest.json'
const manifestSchema = z.object({
  program: z.literal('headroom'),
  at: z.string(),
  /** What the controller's files were then. */
  state: z.string(),
  left: z.array(z.object({ what: z.string(), command: z.string() })),
})
/** What an export says of itself. */
export type Manifest = z.output<typeof manifestSchema>

/**
 * Writes everything that a controller knows into one directory or archive that can be read without this program, whole or not at all.
 * Rejects with an Error of the file system, of the store, or of `tar`.
 */
export async function writeLeaveExport(order: LeaveExportOrder): Promise<HistoryCounts> {
  const { target, version, format, gzip, fleet, left, configuration, stateDirectory, now } = order
  const isArchive = isArchiveName(target)
  const draft = join(dirname(target), `.${nameInside(target)}.part`)
  await rm(draft, { recursive: true, force: true })
  if (!existsSync(dirname(draft))) await mkdir(dirname(draft), { recursive: true, mode: 0o700 })
  await mkdir(draft, { mode: 0o700 })
  const { counts, source } = await exportHistory(order, join(draft, 'history'))
  for (const [name, path] of configuration)
    cpSync(path, join(draft, 'configuration', name), { dereference: true, recursive: true })
  await mkdir(join(draft, 'fleet'))
  for (const [name, text] of Object.entries(fleetFiles(fleet))) await writeDurably(join(draft, 'fleet', name), text)
  const atMs = now()
  await writeDurably(join(draft, 'README.txt'), leaveReadme({ version, atMs, format, gzip, source, counts, left }))
  const manifest = { program: 'headroom', version, at: new Date(atMs).toISOString(), format, counts, source, left }
  await writeDurably(
    join(draft, manifestName),
    `${JSON.stringify({ ...manifest, state: stateOf(stateDirectory) }, undefined, 2)}\n`,
  )
  await syncDirectory(draft)
  if (isArchive) await pack(draft, target)
  else await replace(draft, target)
  return counts
}

/** Whether the controller's files are as they were when the export was written. */
export function hasAll({ state }: Manifest, stateDirectory: string): boolean {
  return state === stateOf(stateDirectory)
}

async function exportHistory(
  order: LeaveExportOrder,
  directory: string,
): Promise<{ counts: HistoryCounts; source: string | undefined }> {
  const store = await order.openStore?.()
  if (store === undefined) {
    await mkdir(directory)
    return { counts: noCounts(), source: undefined }
  }
  const selection = {
    parts: new Set(historyParts),
    kinds: new Set(entityKinds),
    fromMs: 0,
    toMs: Number.MAX_SAFE_INTEGER,
  }
  try {
    await store.ready((problem) => order.show(`waiting for ${store.name} (${problem})`, 0), order.signal)
    return { counts: await exportStore(store.source, { ...order, selection, to: { directory } }), source: store.name }
  } finally {
    await store.close()
  }
}

/** Told from another by what the store's files are. */
function stateOf(directory: string): string {
  return ['series.db', 'queue.db']
    .flatMap((name) => {
      const found = statSync(join(directory, name), { throwIfNoEntry: false })
      return found === undefined ? [] : `${name} ${found.size} ${found.mtimeMs}`
    })
    .join(', ')
}

/** Of an export by this program; undefined if there is none. */
export async function manifestOf(target: string): Promise<Manifest | undefined> {
  try {
    const text = isArchiveName(target)
      ? (await execute('tar', ['-xOf', target, `${nameInside(target)}/${manifestName}`])).stdout
      : await readFile(join(target, manifestName), 'utf8')
    return manifestSchema.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

async function replace(draft: string, target: string): Promise<void> {
  const former = `${draft}.former`
  await rm(former, { recursive: true, force: true })
  if (existsSync(target)) await rename(target, former)
  await rename(draft, target)
  await syncDirectory(dirname(target))
  await rm(former, { recursive: true, force: true })
}

async function pack(draft: string, target: string): Promise<void> {
  const inside = join(`${draft}.d`, nameInside(target))
  await rm(dirname(inside), { recursive: true, force: true })
  await mkdir(dirname(inside), { mode: 0o700 })
  await rename(draft, inside)
  const packed = join(dirname(inside), 'tar')
  await execute('tar', [target.endsWith('.tar') ? '-cf' : '-czf', packed, '-C', dirname(inside), basename(inside)])
  const file = await open(packed, 'r+')
  try {
    await file.chmod(0o600)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(packed, target)
  await syncDirectory(dirname(target))
  await rm(dirname(inside), { recursive: true })
}

const archiveEnding = /\.(tar|tar\.gz|tgz)$/

function isArchiveName(target: string): boolean {
  return archiveEnding.test(target)
}

/** Of the one directory in an archive. */
function nameInside(target: string): string {
  return basename(target).replace(archiveEnding, '')
}
