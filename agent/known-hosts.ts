import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { propertyOf } from '../common/property-of.js'
import { errorCode } from '../common/error-code.js'
import { writeDurably } from '../common/durable-file.js'
import type { Log } from '../common/log.js'
import { hostKinds } from './hypervisor/hypervisor.js'
import type { Introduction } from './report/to-wire.js'

const fileName = 'hosts.json'

/**
 * Hosts as the controller was told of them last, kept in the data directory. After a start those that are not there yet are named as
 * they were: a controller takes nothing of hosts that no hello names, not even what an earlier life left of them, and forgets them.
 */
export class KnownHosts {
  /** What is in the file. */
  #written: string
  #writing: Promise<void> = Promise.resolve()

  private constructor(
    private readonly file: string,
    private readonly before: readonly Introduction[],
    private readonly log: Log,
  ) {
    this.#written = before.length === 0 ? '' : JSON.stringify(before)
  }

  /** What cannot be read counts as nothing: it is written anew. */
  static async load(dataDir: string, log: Log): Promise<KnownHosts> {
    const file = join(dataDir, fileName)
    try {
      return new KnownHosts(file, introductionsIn(JSON.parse(await readFile(file, 'utf8'))), log)
    } catch (error) {
      const isFirst = errorCode(error) === 'ENOENT'
      if (!isFirst) log.warn({ err: error, file }, 'the hosts of an earlier life cannot be read')
      return new KnownHosts(file, [], log)
    }
  }

  /**
   * The hosts to name: those that are there, and of those named before the others.
   * @param mayLack hosts that were named before may be missing still
   */
  named(present: readonly Introduction[], mayLack: boolean): readonly Introduction[] {
    const ids = new Set(present.map(({ identity }) => identity.hostId))
    const missing = mayLack ? this.before.filter(({ identity }) => !ids.has(identity.hostId)) : []
    const named = [...present, ...missing]
    const text = JSON.stringify(named)
    if (text !== this.#written) {
      this.#written = text
      this.#writing = this.#writing.then(() => this.#write(text))
    }
    return named
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    await this.#writing
  }

  async #write(text: string): Promise<void> {
    // A newer one is behind it.
    if (text !== this.#written) return
    try {
      await writeDurably(this.file, text)
    } catch (error) {
      this.log.warn({ err: error, file: this.file }, 'the hosts that this agent tells of could not be kept')
    }
  }
}

/** Checked by hand, as the agent's identity is. @throws Error if it is anything else */
function introductionsIn(value: unknown): readonly Introduction[] {
  return listIn(value).map((one) => {
    const identity = propertyOf(one, 'identity')
    return {
      identity: {
        hostId: textIn(identity, 'hostId'),
        name: textIn(identity, 'name'),
        kind: wordIn(identity, 'kind', hostKinds),
        bootId: textIn(identity, 'bootId'),
        simulated: propertyOf(identity, 'simulated') === true,
      },
      capabilities: listIn(propertyOf(one, 'capabilities')).map((capability) => ({
        name: textIn(capability, 'name'),
        support: wordIn(capability, 'support', ['yes', 'degraded', 'no']),
        ...(propertyOf(capability, 'reason') === undefined ? {} : { reason: textIn(capability, 'reason') }),
      })),
    }
  })
}

function listIn(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`expected a list, got ${typeof value}`)
  return value
}

function textIn(value: unknown, name: string): string {
  const found = propertyOf(value, name)
  if (typeof found !== 'string') throw new Error(`${name}: expected a text, got ${typeof found}`)
  return found
}

function wordIn<Word extends string>(value: unknown, name: string, words: readonly Word[]): Word {
  const found = propertyOf(value, name)
  const word = words.find((one) => one === found)
  if (word === undefined) throw new Error(`${name}: expected ${words.join(' or ')}, got ${String(found)}`)
  return word
}
