import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { connect } from 'node:net'

import { waitFor } from './wait-for.js'

export interface ServerProgram {
  readonly command: string
  readonly arguments: readonly string[]
  /** What it says goes there. */
  readonly logFile: string
  /** Answers with success once it is ready. Over TLS it is enough that it takes a connection. */
  readonly readyUrl: string
}

/** A program of Debian's that serves over HTTP: started, stopped and killed as a test asks, on the same port and data each time. */
export class DebianServer {
  #child: ChildProcess | undefined

  constructor(private readonly program: ServerProgram) {}

  /** @throws Error if it does not run */
  get pid(): number {
    const pid = this.#child?.pid
    if (pid === undefined) throw new Error(`${this.program.command} does not run`)
    return pid
  }

  /** Resolves when it answers. @throws Error if it does not, or ends */
  async start(): Promise<void> {
    const { command, logFile, readyUrl } = this.program
    const log = createWriteStream(logFile, { flags: 'a' })
    await once(log, 'open')
    const child = spawn(command, [...this.program.arguments], { stdio: ['ignore', log, log] })
    log.end()
    let failure: string | undefined
    child.once('error', (error) => (failure = error.message))
    child.once('exit', (code, signal) => (failure ??= `ended with ${code ?? signal}`))
    this.#child = child
    await waitFor(30_000, `${command} at ${readyUrl}`, async () => {
      if (failure !== undefined) throw new Error(`${command}: ${failure}; see ${logFile}`)
      return readyUrl.startsWith('https:') ? takesConnections(readyUrl) : answers(readyUrl)
    })
  }

  /** SIGTERM lets it write what it has; SIGKILL does not. Resolves when it is gone. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    // One that stands still does not hear the other.
    child.kill('SIGCONT')
    await ended
  }

  /** It stands still: connections are taken, nothing is answered. */
  freeze(): void {
    this.#child?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child?.kill('SIGCONT')
  }
}

async function answers(url: string): Promise<boolean> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(1000) }).catch(() => undefined)
  await answer?.body?.cancel()
  return answer?.ok === true
}

function takesConnections(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname)
    socket.once('error', () => resolve(false))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}
