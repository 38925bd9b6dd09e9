import { fork, spawn, type ChildProcess, type StdioOptions } from 'node:child_process'
import { closeSync, existsSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')

/** One of the two programs, as it was built. */
export class BuiltProgram {
  readonly #child: ChildProcess
  readonly #ended: Promise<void>

  private constructor(
    child: ChildProcess,
    private readonly logFile: string,
  ) {
    this.#child = child
    this.#ended = new Promise((resolve) => {
      child.once('exit', () => resolve())
    })
  }

  /** What it prints goes to the end of the file. */
  static start(name: 'agent' | 'controller', args: readonly string[], logFile: string): BuiltProgram {
    // The controller runs as it will in the field; agents of tests simulate fleets too, for which lite mode is too slow.
    const file = join(root, name === 'controller' ? 'dist/controller/run.sh' : 'dist/agent/main.js')
    if (!existsSync(file)) throw new Error(`${file} is missing: run npm run build first`)
    const log = openSync(logFile, 'a')
    // Nothing of this process's own way of running.
    const stdio: StdioOptions = ['ignore', log, log, 'ipc']
    const child =
      name === 'controller'
        ? spawn(file, args, { stdio, env: { ...process.env, HEADROOM_NODE: process.execPath } })
        : fork(file, [...args], { execArgv: [], stdio })
    closeSync(log)
    return new BuiltProgram(child, logFile)
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get isGone(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  get ended(): Promise<void> {
    return this.#ended
  }

  /** Its first message to whoever started it. @throws Error with the end of its log if it ends before */
  async said(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const giveUp = async (): Promise<void> => reject(new Error(`the program ended: ${await this.lastWords()}`))
      let hasSpoken = false
      this.#child.once('message', (message) => {
        hasSpoken = true
        resolve(message)
      })
      // Its log may be gone by the time that it ends as it should.
      void this.#ended.then(() => (hasSpoken ? undefined : giveUp()))
    })
  }

  async lastWords(): Promise<string> {
    return (await readFile(this.logFile, 'utf8')).slice(-3000)
  }

  /** Asks it to end. */
  interrupt(): void {
    this.#child.kill('SIGTERM')
  }

  /** No last wish is granted. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }
}
