import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { Duplex } from 'node:stream'

import { errorCode } from '../../../common/error-code.js'
import { HypervisorUnavailable } from '../hypervisor.js'
import { readerVersion, readyLine } from './frame.js'

export interface ChannelOptions {
  /** Of ssh. */
  readonly args: readonly string[]
  /** Named in messages. */
  readonly host: string
  /** Until the other side is ready. */
  readonly deadlineMs: number
  /** Ends it. */
  readonly signal: AbortSignal
  /** Why it ended, from what ssh and the other side said on standard error. */
  readonly explain: (said: string, wasReady: boolean) => Error | Promise<Error>
}

const mostSaid = 8192
/** Some machines greet whoever comes; the reader's own line has to come soon after that. */
const mostBeforeReady = 65_536
const killAfterMs = 2000

/** Where programs are, and English messages: nothing of our own environment goes with ssh. */
const environment = { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', SHELL: '/bin/sh' }

/** Of root that acts for another user, as joining does, ssh lets nobody share a connection: it has to be that user altogether. */
function sshCommand(): readonly [program: string, ...args: readonly string[]] {
  const uid = process.geteuid?.()
  return uid === process.getuid?.() ? ['ssh'] : ['setpriv', '--ruid', String(uid), 'ssh']
}

/** @throws HypervisorUnavailable */
async function start(args: readonly string[]): Promise<ChildProcessWithoutNullStreams> {
  const [program, ...before] = sshCommand()
  const child = spawn(program, [...before, ...args], { env: environment, stdio: 'pipe' })
  try {
    // It has no pipes yet if it could not be started.
    await once(child, 'spawn')
  } catch (error) {
    const isMissing = errorCode(error) === 'ENOENT'
    const why = error instanceof Error ? error.message : String(error)
    const what = isMissing ? 'there is no ssh here: install openssh-client' : `ssh cannot be run: ${why}`
    throw new HypervisorUnavailable(what, { cause: error })
  }
  // Its end says more.
  child.on('error', () => undefined)
  return child
}

/**
 * A process of ssh with headroom-reader at its other end, as a stream: open from the reader's first line on. It always ends with
 * an error that says why.
 */
export class SshChannel extends Duplex {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #host: string
  #said = ''
  /** The line that has begun; undefined once it was ready. */
  #head: Buffer | undefined = Buffer.alloc(0)
  #beforeReady = 0
  /** Called with an error: it will not be ready. */
  #settle: (error?: Error) => void = () => undefined
  /** Resolves when the process is gone. */
  readonly gone: Promise<void>

  /** @throws HypervisorDenied, HypervisorUnavailable */
  static async open(options: ChannelOptions): Promise<SshChannel> {
    const channel = new SshChannel(await start(options.args), options)
    const ready = new Promise<void>((resolve, reject) => {
      channel.#settle = (error) => (error === undefined ? resolve() : reject(error))
    })
    const seconds = Math.round(options.deadlineMs / 1000)
    const late = new HypervisorUnavailable(`no answer from ${options.host} within ${seconds} s`)
    const timer = setTimeout(() => channel.destroy(late), options.deadlineMs)
    const { signal } = options
    const abort = (): void => void channel.destroy()
    signal.addEventListener('abort', abort, { once: true })
    if (signal.aborted) abort()
    void channel.gone.then(() => signal.removeEventListener('abort', abort))
    try {
      await ready
      return channel
    } finally {
      clearTimeout(timer)
    }
  }

  private constructor(child: ChildProcessWithoutNullStreams, { host, explain }: ChannelOptions) {
    super()
    this.#host = host
    // Who uses it listens; until then, and after that, there is nothing to do about it.
    this.on('error', () => undefined)
    this.#child = child
    child.stderr.on('data', (chunk: Buffer) => {
      this.#said = (this.#said + chunk.toString('utf8')).slice(-mostSaid)
    })
    child.stdout.on('data', (chunk: Buffer) => this.#receive(chunk))
    // Its end says more.
    for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe.on('error', () => undefined)
    this.gone = new Promise((resolve) => {
      child.once('close', () => {
        resolve()
        void this.#end(explain)
      })
    })
  }

  override _read(): void {
    this.#child.stdout.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#child.stdin.write(chunk, () => done())
  }

  override _final(done: () => void): void {
    this.#child.stdin.end(() => done())
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#settle(error ?? new HypervisorUnavailable('the channel was closed'))
    // What is not read any more would keep its end from being seen: the process would never count as gone.
    this.#child.stdout.destroy()
    this.#child.kill('SIGTERM')
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), killAfterMs)
    this.#child.once('close', () => clearTimeout(kill))
    done(error)
  }

  #receive(chunk: Buffer): void {
    if (this.#head === undefined) {
      if (!this.push(chunk)) this.#child.stdout.pause()
      return
    }
    this.#head = Buffer.concat([this.#head, chunk])
    this.#beforeReady += chunk.length
    for (let at = this.#head.indexOf('\n'); at >= 0; at = this.#head.indexOf('\n')) {
      const ready = readyLine.exec(this.#head.toString('latin1', 0, at))
      this.#head = this.#head.subarray(at + 1)
      if (ready !== null) return this.#begin(Number(ready[1]), this.#head)
    }
    if (this.#beforeReady > mostBeforeReady) this.destroy(new HypervisorUnavailable(`${this.#host} says other things`))
  }

  #begin(version: number, rest: Buffer): void {
    this.#head = undefined
    if (version !== readerVersion) {
      const message = `headroom-reader on ${this.#host} is of version ${version}, expected ${readerVersion}: replace it`
      this.destroy(new HypervisorUnavailable(message))
      return
    }
    this.#settle()
    if (rest.length > 0) this.#receive(rest)
  }

  async #end(explain: ChannelOptions['explain']): Promise<void> {
    if (!this.destroyed) this.destroy(await explain(this.#said, this.#head === undefined))
  }
}
