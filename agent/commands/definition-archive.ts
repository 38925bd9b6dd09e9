import { readdir, readFile, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'

import { makeDirectoryDurably, writeDurably } from '../../common/durable-file.js'

/** So many are kept, the newest of each VM, and the newest of all. */
interface Bounds {
  readonly ofOne: number
  readonly inAll: number
}

const own: Bounds = { ofOne: 5, inAll: 2000 }
const incoming: Bounds = { ofOne: 1, inAll: 200 }
const suffix = '.xml'
const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * Definitions of VMs as they were before the agent took them away: whole, with their secrets, for the owner of the data directory only. Files
 * are named by UUID and moment; a person gives one back to the hypervisor (`virsh define`). What a controller says of VMs that are to come is kept apart,
 * in a folder of its own: it pushes out nothing of what this host had.
 */
export class DefinitionArchive {
  readonly #incoming: string

  constructor(
    private readonly directory: string,
    private readonly now: () => number,
  ) {
    this.#incoming = join(directory, 'incoming')
    makeDirectoryDurably(this.#incoming)
  }

  /** Of a VM of this host, as its hypervisor says it. Durable when it resolves. @returns the file @throws Error of the file system, or if the UUID is none */
  keep(vmUuid: string, definition: string): Promise<string> {
    return keepIn(this.directory, vmUuid, definition, this.now(), own)
  }

  /** Of one that is to come, as the controller says it. */
  keepIncoming(vmUuid: string, definition: string): Promise<string> {
    return keepIn(this.#incoming, vmUuid, definition, this.now(), incoming)
  }
}

async function keepIn(
  directory: string,
  vmUuid: string,
  definition: string,
  now: number,
  bounds: Bounds,
): Promise<string> {
  if (!uuidForm.test(vmUuid)) throw new Error('not the UUID of a VM')
  const newest = (await namesOf(directory)).findLast((name) => name.startsWith(`${vmUuid}.`))
  const known = newest === undefined ? undefined : join(directory, newest)
  // Whoever asks again and again pushes out nothing.
  if (known !== undefined && (await readFile(known, 'utf8')) === definition) return known
  const moment = new Date(now).toISOString().replaceAll(':', '')
  const path = join(directory, `${vmUuid}.${moment}${suffix}`)
  await writeDurably(path, definition)
  await forget(directory, vmUuid, path, bounds)
  return path
}

/** @param newest stays, also where the clock was ahead when others were kept */
async function forget(directory: string, vmUuid: string, newest: string, { ofOne, inAll }: Bounds): Promise<void> {
  const kept = (await namesOf(directory)).filter((name) => name !== basename(newest))
  const beyond = (names: readonly string[], most: number): readonly string[] =>
    names.slice(0, Math.max(0, names.length - (most - 1)))
  const older = new Set(
    beyond(
      kept.filter((name) => name.startsWith(`${vmUuid}.`)),
      ofOne,
    ),
  )
  const rest = kept.filter((name) => !older.has(name)).toSorted((a, b) => (momentOf(a) < momentOf(b) ? -1 : 1))
  for (const name of [...older, ...beyond(rest, inAll)]) await rm(join(directory, name), { force: true })
}

/** Of one VM in the order of their moments, which this form of them has. */
async function namesOf(directory: string): Promise<readonly string[]> {
  return (await readdir(directory)).filter((name) => name.endsWith(suffix)).toSorted()
}

function momentOf(name: string): string {
  return name.slice(name.indexOf('.'))
}
