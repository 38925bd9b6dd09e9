import { fork, type ChildProcess } from 'node:child_process'
import { copyFile, mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'

import { rolldown } from 'rolldown'

import { createLog } from '../../common/log.js'
import { openEmbeddedStore } from '../../controller/store/embedded/embedded-store.js'
import { checkStore } from '../../controller/store/embedded/offline/check-store.js'
import type { FailingMedium } from './failing-medium.js'
import { builtWorker, faultsOf, throughOf, type StorePace } from './store-book.js'
import { storeWord } from './store-program.js'
import type { Findings, Trial } from './trial.js'

/** Of CPU time: what it takes by the clock depends on what else the machine does, and is written down. */
const openWithinMs = 2000

/** The embedded store alone, in a program of its own that is busy with one kind of its work. */
export class StoreTrial implements Trial {
  #child: ChildProcess | undefined
  #ended: Promise<void> = Promise.resolve()
  #copying: Promise<void> = Promise.resolve()
  #hasFailed = false
  #acked = -1
  #opening = { openMs: 0, openCpuMs: 0 }
  #backup: { readonly path: string; readonly throughSeq: number } | undefined
  #started = (): void => undefined
  readonly #copy: string

  private constructor(
    dir: string,
    private readonly program: string,
    private readonly medium: FailingMedium,
    private readonly pace: { readonly name: string; readonly how: StorePace },
  ) {
    this.#copy = join(dir, 'look')
  }

  static async make(
    dir: string,
    medium: FailingMedium,
    pace: { readonly name: string; readonly how: StorePace },
  ): Promise<StoreTrial> {
    return new StoreTrial(dir, await bundledProgram(dir), medium, pace)
  }

  /** Copies what the failure left, to be looked at, and opens the store on the medium itself. */
  async start(): Promise<void> {
    this.#hasFailed = false
    // This process serves the medium: nothing that waits for it may be synchronous.
    this.#copying = this.#copyMedium()
    await this.#copying
    if (this.#isFailed()) throw new Error('it failed before it began')
    const order = JSON.stringify({ dir: this.medium.path, pace: this.pace.name, worker: builtWorker })
    const child = fork(this.program, [order], { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.#child = child
    this.#ended = new Promise((resolve) => {
      child.once('exit', () => resolve())
    })
    child.on('message', (message) => {
      if (!this.#hasFailed) this.#hear(message)
    })
    await new Promise<void>((resolve, reject) => {
      this.#started = resolve
      child.once('exit', () => reject(new Error('the program ended by itself')))
    })
  }

  async look(): Promise<Findings> {
    const path = join(this.#copy, 'series.db')
    const store = await this.#open(path)
    const through = await throughOf(store)
    const faults = await faultsOf(store, this.pace.how)
    await store.close()
    const promised = this.#acked + 1
    if (through + 1 < promised) faults.push(`the mark is ${through}, acked was ${promised - 1}`)
    const { openMs, openCpuMs } = this.#opening
    if (openCpuMs > openWithinMs) faults.push(`opening took ${Math.round(openCpuMs)} ms of CPU time`)
    faults.push(...this.#checked(path), ...(await this.#backupFaults()))
    this.#acked = Math.max(this.#acked, through)
    return { faults, promised, readBack: through + 1, waiting: 0, openMs: Math.round(openMs) }
  }

  async work(signal: AbortSignal): Promise<void> {
    const child = this.#child
    if (this.#hasFailed || child === undefined) throw new Error('it failed before it began')
    child.send('write')
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve())
      child.once('exit', () => resolve())
    })
    if (!this.#hasFailed && !signal.aborted && child.exitCode !== 0) throw new Error('the program ended by itself')
  }

  interrupt(): void {
    this.#child?.kill('SIGTERM')
  }

  fail(): Promise<void> {
    // Up to the first await it is one moment.
    const restore = this.medium.cut()
    this.#hasFailed = true
    this.#child?.kill('SIGKILL')
    return Promise.all([this.#copying, this.#ended]).then(restore)
  }

  async remove(): Promise<void> {
    this.#child?.kill('SIGKILL')
    await this.#ended
    await this.medium.remove()
  }

  async #copyMedium(): Promise<void> {
    await mkdir(this.medium.path, { recursive: true })
    await rm(this.#copy, { recursive: true, force: true })
    await mkdir(this.#copy)
    for (const name of await readdir(this.medium.path)) {
      if (name.startsWith('series.db')) await copyFile(join(this.medium.path, name), join(this.#copy, name))
    }
  }

  /** A failure may come while anything is awaited. */
  #isFailed(): boolean {
    return this.#hasFailed
  }

  #hear(message: unknown): void {
    const word = storeWord.parse(message)
    if (word.is === 'started') {
      this.#opening = word
      this.#started()
    } else if (word.is === 'acked') this.#acked = Math.max(this.#acked, word.seq)
    else this.#backup = word
  }

  #open(path: string): ReturnType<typeof openEmbeddedStore> {
    const { tierMs } = this.pace.how
    return openEmbeddedStore({
      path,
      log: createLog('look', 'silent'),
      retention: { rawMs: tierMs.raw, fiveMinutesMs: tierMs['5m'], hoursMs: tierMs['1h'], maxBytes: 2 ** 40 },
      now: () => 0,
      maintainEveryMs: 3_600_000,
      startWorker: (options) => new Worker(builtWorker, { workerData: options }),
    })
  }

  #checked(path: string): string[] {
    const steps = checkStore(path)
    for (;;) {
      const { done, value } = steps.next()
      if (done === true) return value.problems.map((problem) => `check: ${problem}`)
    }
  }

  /** The last finished backup is whole, and holds what was acked when it began. */
  async #backupFaults(): Promise<string[]> {
    if (this.#backup === undefined) return []
    const { path, throughSeq } = this.#backup
    if (!(await stat(path).catch(() => undefined))) return [`${path} is gone`]
    const restored = join(this.#copy, 'restored.db')
    await copyFile(path, restored)
    const faults = this.#checked(restored)
    const store = await this.#open(restored)
    const through = await throughOf(store)
    if (through < throughSeq) faults.push(`the backup ends at ${through}, acked was ${throughSeq}`)
    faults.push(...(await faultsOf(store, this.pace.how)))
    await store.close()
    return faults.map((fault) => `backup: ${fault}`)
  }
}

/** One file: it starts in a fifth of the time that the sources take. */
async function bundledProgram(dir: string): Promise<string> {
  const file = join(dir, 'store-program.mjs')
  const input = join(import.meta.dirname, 'store-program.ts')
  const bundle = await rolldown({ input, platform: 'node', logLevel: 'warn' })
  await bundle.write({ file, format: 'esm', codeSplitting: false })
  await bundle.close()
  return file
}
