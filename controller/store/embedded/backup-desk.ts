import { createReadStream, type ReadStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

import type { Log } from '../../../common/log.js'
import type { EmbeddedStore } from './embedded-store.js'

export type BackupState =
  | { readonly state: 'none' }
  /** Rows copied, and about how many there are. */
  | { readonly state: 'running'; readonly rows: number; readonly ofRows: number }
  | { readonly state: 'ready'; readonly at: number; readonly bytes: number }
  | { readonly state: 'failed'; readonly reason: string }

/** A backup that nobody fetched is not kept for ever. */
const keptMs = 3_600_000

/** Makes one backup at a time, in the data directory, and holds it until it is fetched and removed. */
export class BackupDesk {
  #state: BackupState = { state: 'none' }
  #running: Promise<void> | undefined
  #expiry: NodeJS.Timeout | undefined
  readonly #path: string

  private constructor(
    private readonly store: Pick<EmbeddedStore, 'backUp' | 'backupProgress'>,
    dir: string,
    private readonly log: Log,
    private readonly now: () => number,
  ) {
    this.#path = join(dir, 'series-backup.db')
  }

  /** Removes what an earlier life left behind. */
  static async open(
    store: Pick<EmbeddedStore, 'backUp' | 'backupProgress'>,
    dir: string,
    log: Log,
    now: () => number,
  ): Promise<BackupDesk> {
    const desk = new BackupDesk(store, dir, log, now)
    await desk.#removeFile()
    return desk
  }

  get state(): BackupState {
    return this.#running === undefined ? this.#state : { state: 'running', ...this.store.backupProgress() }
  }

  /** Begins a backup, in place of the one before; one that runs goes on. */
  start(): BackupState {
    this.#running ??= this.#make().finally(() => {
      this.#running = undefined
    })
    return this.state
  }

  /** The finished backup; undefined if there is none. */
  read(): ReadStream | undefined {
    return this.state.state === 'ready' ? createReadStream(this.#path) : undefined
  }

  /** Forgets a finished backup. */
  async remove(): Promise<void> {
    if (this.#running !== undefined) return
    clearTimeout(this.#expiry)
    this.#state = { state: 'none' }
    await this.#removeFile()
  }

  /** What is under way ends with the store, which removes what it has written. */
  close(): Promise<void> {
    return this.remove()
  }

  async #make(): Promise<void> {
    clearTimeout(this.#expiry)
    await this.#removeFile()
    try {
      await this.store.backUp(this.#path)
      const { size } = await stat(this.#path)
      this.#state = { state: 'ready', at: this.now(), bytes: size }
      this.#expiry = setTimeout(() => void this.remove(), keptMs)
      this.#expiry.unref()
    } catch (error) {
      this.log.error({ err: error }, 'the backup of the store failed')
      this.#state = { state: 'failed', reason: error instanceof Error ? error.message : String(error) }
    }
  }

  async #removeFile(): Promise<void> {
    for (const end of ['', '-wal', '-shm', '-journal']) await rm(`${this.#path}${end}`, { force: true })
  }
}
