import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'

import { withDeadline } from '../../../common/deadline.js'
import { HypervisorDenied, HypervisorUnavailable } from '../hypervisor.js'
import { mostToolBytes, XenToolError, type XenToolOutput, type XenToolWord } from './xen-tools.js'

export interface LocalToolOptions {
  /** Paths of xl or xm: the first that is there is used. */
  readonly programs?: readonly string[]
  /** After which a call is given up, whoever waits for it. */
  readonly deadlineMs?: number
}

const usual: readonly string[] = ['/usr/sbin/xl', '/usr/sbin/xm']
const words: Readonly<Record<XenToolWord, readonly string[]>> = {
  list: ['list'],
  'list-long': ['list', '-l'],
  info: ['info'],
}
/** A tool that hangs in the kernel cannot be killed: then no more of them are started. */
const mostRunning = 4

/** xl or xm of the dom0 that this program runs in. */
export class LocalToolOutput implements XenToolOutput {
  #running = 0

  constructor(private readonly options: LocalToolOptions = {}) {}

  async text(what: XenToolWord, signal: AbortSignal): Promise<string> {
    const { deadlineMs = 60_000 } = this.options
    const program = await this.#program()
    if (this.#running >= mostRunning) {
      throw new XenToolError(`${program}: ${mostRunning} calls of it have not ended yet`)
    }
    return withDeadline(deadlineMs, signal, (bounded) => this.#run(program, words[what], bounded))
  }

  async #program(): Promise<string> {
    const { programs = usual } = this.options
    for (const path of programs) {
      try {
        await access(path, constants.X_OK)
        return path
      } catch (error) {
        if (codeOf(error) === 'EACCES') throw new HypervisorDenied(`${path} must not be run`, { cause: error })
      }
    }
    throw new HypervisorUnavailable(`no tool of Xen is here: ${programs.join(', ')}`)
  }

  #run(program: string, args: readonly string[], signal: AbortSignal): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = execFile(
        program,
        [...args],
        {
          cwd: '/',
          env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
          maxBuffer: mostToolBytes,
          signal,
          killSignal: 'SIGKILL',
        },
        (error, stdout, stderr) => {
          if (error === null) resolve(stdout)
          else reject(signal.aborted ? asError(signal.reason) : failure([program, ...args].join(' '), error, stderr))
        },
      )
      // No process, no id: the callback says why.
      if (child.pid === undefined) return
      this.#running += 1
      child.once('exit', () => {
        this.#running -= 1
      })
    })
  }
}

function failure(command: string, error: Error, stderr: string): Error {
  const code = codeOf(error)
  if (code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') {
    return new XenToolError(`${command}: printed more than ${mostToolBytes} bytes`, { cause: error })
  }
  if (code === 'EACCES' || code === 'EPERM')
    return new HypervisorDenied(`${command}: ${error.message}`, { cause: error })
  const said = stderr.trim().split('\n').at(-1)?.slice(0, 300) ?? ''
  const ending = typeof code === 'number' ? `exit status ${code}` : error.message
  const note = process.geteuid?.() === 0 ? '' : '; it works for root only, and this program does not run as root'
  return new XenToolError(`${command}: ${ending}${said === '' ? '' : `: ${said}`}${note}`, { cause: error })
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason))
}
