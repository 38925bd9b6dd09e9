import { readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { makeDirectoryDurably, syncDirectory, writeDurably } from '../../common/durable-file.js'
import type { Log } from '../../common/log.js'
import { lost, type CommandRecord } from './command-record.js'

/** Ids that can be names of files, and nothing else. */
export const commandId = /^[A-Za-z0-9_-]{1,64}$/

/** Where commands that have begun are written down before anything is done, so that no id is ever run twice. */
export interface Journal {
  load(): Promise<readonly CommandRecord[]>
  /** Durable when it resolves. */
  put(record: CommandRecord): Promise<void>
  remove(id: string): Promise<void>
}

const suffix = '.json'

/** One file a command, each replaced whole. */
export class DiskJournal implements Journal {
  constructor(
    private readonly directory: string,
    private readonly log: Log,
  ) {
    makeDirectoryDurably(directory)
  }

  /** Of what cannot be read the id is kept, as that of a command of which nothing is known: it is never begun again. */
  async load(): Promise<readonly CommandRecord[]> {
    const records: CommandRecord[] = []
    for (const name of (await readdir(this.directory)).toSorted()) {
      if (!name.endsWith(suffix)) continue
      const record = recordFrom(await readFile(join(this.directory, name), 'utf8').catch(() => ''))
      if (record !== undefined && `${record.spec.id}${suffix}` === name) records.push(record)
      else records.push(await this.#damaged(name))
    }
    return records
  }

  /** Sets the file aside, and writes another in its place. */
  async #damaged(name: string): Promise<CommandRecord> {
    this.log.error({ file: name }, 'the record of a command is damaged, and is set aside')
    const path = join(this.directory, name)
    const { mtimeMs } = await stat(path)
    const record = lost(name.slice(0, -suffix.length), Math.round(mtimeMs))
    try {
      await rename(path, `${path}.damaged`)
      await this.put(record)
    } catch (error) {
      this.log.error({ err: error, file: name }, 'it could not be set aside')
    }
    return record
  }

  async put(record: CommandRecord): Promise<void> {
    await writeDurably(this.#pathOf(record.spec.id), JSON.stringify(record))
  }

  async remove(id: string): Promise<void> {
    await rm(this.#pathOf(id), { force: true })
    await syncDirectory(this.directory)
  }

  #pathOf(id: string): string {
    if (!commandId.test(id)) throw new Error('not the id of a command')
    return join(this.directory, `${id}${suffix}`)
  }
}

function recordFrom(text: string): CommandRecord | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Written by this program whole or not at all: its form is looked at, not each of its values. */
function isRecord(value: unknown): value is CommandRecord {
  if (typeof value !== 'object' || value === null || !('spec' in value)) return false
  const { spec } = value
  return (
    typeof spec === 'object' &&
    spec !== null &&
    'id' in spec &&
    typeof spec.id === 'string' &&
    'state' in value &&
    typeof value.state === 'string' &&
    'revision' in value &&
    Number.isSafeInteger(value.revision)
  )
}
