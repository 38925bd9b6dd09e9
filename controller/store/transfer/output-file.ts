import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { PassThrough, type Transform, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'

import { syncDirectory } from '../../../common/durable-file.js'

/** Something cannot be written. */
export class OutputError extends Error {
  override readonly name = 'OutputError'
  constructor(
    readonly path: string,
    cause: unknown,
  ) {
    super(`${path} cannot be written: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}

/** Text that goes somewhere piece by piece, packed by gzip if asked for. */
export class Output {
  readonly #head: Transform
  readonly #done: Promise<void>

  /** `name`: for messages. `finish`: puts in place what is written whole. `discard`: takes away what is not. */
  constructor(
    end: Writable,
    gzip: boolean,
    name = 'standard output',
    private readonly finish: () => Promise<void> = () => Promise.resolve(),
    private readonly discard: () => Promise<void> = () => Promise.resolve(),
  ) {
    this.#head = gzip ? createGzip({ level: 6 }) : new PassThrough()
    this.#done = pipeline(this.#head, end).catch((error: unknown) => {
      throw new OutputError(name, error)
    })
    // Whoever writes next hears of it.
    this.#done.catch(() => undefined)
  }

  /** Resolves when there is room for more. @throws OutputError */
  async write(text: string): Promise<void> {
    if (!this.#head.write(text)) await Promise.race([once(this.#head, 'drain'), this.#done])
    if (this.#head.destroyed) await this.#done
  }

  /** Resolves when all is written, and durable where it is a file. @throws OutputError */
  async end(): Promise<void> {
    this.#head.end()
    await this.#done
    await this.finish()
  }

  /** Leaves nothing. */
  async abandon(): Promise<void> {
    this.#head.destroy()
    await this.#done.catch(() => undefined)
    await this.discard()
  }
}

/** A file for its owner only, which is there whole or not at all. A file of that name is replaced. */
export function outputFile(path: string, gzip: boolean): Output {
  const draft = `${path}.part`
  const end = createWriteStream(draft, { mode: 0o600, flush: true })
  return new Output(
    end,
    gzip,
    path,
    async () => {
      await rename(draft, path)
      await syncDirectory(dirname(path))
    },
    () => rm(draft, { force: true }),
  )
}
