import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { errorCode } from '../common/error-code.js'
import { makeDirectoryDurably, writeDurably } from '../common/durable-file.js'
import type { Log } from '../common/log.js'
import { hostEntryName, type HostEntry } from './host-entry.js'
import type { Hypervisor } from './hypervisor/hypervisor.js'

const unnamedFile = 'host-id'

/**
 * The ids of the hosts behind libvirt, kept in the data directory: a file for each entry of the configuration. A host's id is
 * libvirt's UUID of the first time: on machines whose firmware has none, libvirt makes up another one at each of its starts.
 *
 * No two entries have one id: machines may come with the same UUID, and another machine may say what it likes.
 */
export class HostIds {
  readonly #ids = new Map<string, string>()

  private constructor(
    private readonly dataDir: string,
    private readonly log: Log,
  ) {}

  /** @param entries names of all entries; empty: of the one without */
  static async load(dataDir: string, entries: readonly string[], log: Log): Promise<HostIds> {
    const ids = new HostIds(dataDir, log)
    for (const entry of entries) {
      const id = await readId(join(dataDir, fileOf(entry)))
      if (id !== undefined) ids.#ids.set(entry, id)
    }
    return ids
  }

  /** As it was the first time; undefined if there was none. */
  known(entry: string): string | undefined {
    return this.#ids.get(entry)
  }

  /** Whether a host is one of these entries', as far as that is known: one that was never opened, or that is many hosts, may have any. */
  mayBeOf(entries: readonly HostEntry[], hostId: string): boolean {
    return entries.some((entry) => {
      const name = hostEntryName(entry)
      const known = name === undefined ? undefined : this.known(name)
      return known === undefined || known === hostId
    })
  }

  /**
   * Gives the entry its id for good: what its host says, unless that belongs to another entry.
   * @throws Error of the file system if it cannot be kept
   */
  async claim(entry: string, found: string): Promise<string> {
    const before = this.known(entry)
    if (before !== undefined) return before
    const isTaken = [...this.#ids.values()].includes(found)
    const id = isTaken ? randomUUID() : found
    if (isTaken) {
      this.log.warn({ host: entry, hostId: found, newHostId: id }, 'two hosts say that they are the same one: a new id')
    }
    // Before it is written: another entry must not take it meanwhile.
    this.#ids.set(entry, id)
    try {
      makeDirectoryDurably(this.dataDir)
      await writeDurably(join(this.dataDir, fileOf(entry)), `${id}\n`)
    } catch (error) {
      // Whoever asks again has it written then.
      this.#ids.delete(entry)
      throw error
    }
    return id
  }
}

/** @param entry made of letters, digits, dots, colons and hyphens: the configuration allows no other */
function fileOf(entry: string): string {
  return entry === '' ? unnamedFile : `${unnamedFile}-${entry}`
}

async function readId(file: string): Promise<string | undefined> {
  try {
    const text = (await readFile(file, 'utf8')).trim()
    return text === '' ? undefined : text
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/**
 * Opens a host under the id that is its own for good: once more if what it says of itself belongs to another entry.
 * @throws what `open` throws
 */
export async function underOwnId<Opened extends Hypervisor>(
  ids: HostIds,
  entry: string,
  open: (known: { readonly hostId?: string }) => Promise<Opened>,
): Promise<Opened> {
  const known = ids.known(entry)
  const opened = await open(known === undefined ? {} : { hostId: known })
  try {
    const hostId = await ids.claim(entry, opened.identity.hostId)
    if (hostId === opened.identity.hostId) return opened
    await opened.close()
    return await open({ hostId })
  } catch (error) {
    await opened.close()
    throw error
  }
}
