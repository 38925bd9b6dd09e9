import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'

import { withDeadline } from '../../common/deadline.js'

export interface LocalToolOptions {
  /** Absolute paths: the first that is there is run. */
  readonly programs: readonly string[]
  /** After which a call is given up and its process killed, whoever waits for it. */
  readonly deadlineMs: number
  /** A call that prints more fails. */
  readonly mostBytes: number
  /** Besides a plain PATH and the language C. */
  readonly env?: Readonly<Record<string, string>>
}

export interface ToolAnswer {
  /** The path and what was given to it. */
  readonly command: string
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** A program of this machine did not do its work. */
export class ToolFailure extends Error {
  override readonly name = 'ToolFailure'
  constructor(
    /** `missing`: it is not there. `denied`: it may not be run. */
    readonly kind: 'missing' | 'denied' | 'failed',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** A program that hangs in the kernel cannot be killed: then no more of them are started. */
const mostRunning = 4

/** A program of this machine, run without a shell, with no environment of ours and nothing to read. */
export class LocalTool {
  #running = 0

  constructor(private readonly options: LocalToolOptions) {}

  /** @throws ToolFailure */
  async path(): Promise<string> {
    const { programs } = this.options
    for (const path of programs) {
      try {
        await access(path, constants.X_OK)
        return path
      } catch (error) {
        if (codeOf(error) === 'EACCES') throw new ToolFailure('denied', `${path} must not be run`, { cause: error })
      }
    }
    throw new ToolFailure('missing', `not there: ${programs.join(', ')}`)
  }

  /** Whatever its exit status is. @throws ToolFailure; what `signal` was aborted with; DeadlineExceeded */
  async run(args: readonly string[], signal: AbortSignal): Promise<ToolAnswer> {
    const path = await this.path()
    if (this.#running >= mostRunning) {
      throw new ToolFailure('failed', `${path}: ${mostRunning} calls of it have not ended yet`)
    }
    return withDeadline(this.options.deadlineMs, signal, (bounded) => this.#execute(path, args, bounded))
  }

  #execute(path: string, args: readonly string[], signal: AbortSignal): Promise<ToolAnswer> {
    const command = [path, ...args].join(' ')
    return new Promise((resolve, reject) => {
      const child = execFile(
        path,
        [...args],
        {
          cwd: '/',
          env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', ...this.options.env },
          maxBuffer: this.options.mostBytes,
          signal,
          killSignal: 'SIGKILL',
        },
        (error, stdout, stderr) => {
          const code = codeOf(error)
          if (error === null || (typeof code === 'number' && !signal.aborted)) {
            resolve({ command, status: error === null ? 0 : Number(code), stdout, stderr })
          } else reject(signal.aborted ? asError(signal.reason) : this.#failure(command, error))
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

  #failure(command: string, error: Error): ToolFailure {
    const code = codeOf(error)
    if (code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') {
      return new ToolFailure('failed', `${command}: printed more than ${this.options.mostBytes} bytes`, {
        cause: error,
      })
    }
    const kind = code === 'EACCES' || code === 'EPERM' ? 'denied' : 'failed'
    return new ToolFailure(kind, `${command}: ${error.message}`, { cause: error })
  }
}

/** How a program ended, with the last line that it wrote to its standard error, cut. */
export function endOf({ command, status, stderr }: ToolAnswer): string {
  const said = stderr.trim().split('\n').at(-1)?.slice(0, 300) ?? ''
  return `${command}: exit status ${status}${said === '' ? '' : `: ${said}`}`
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason))
}
