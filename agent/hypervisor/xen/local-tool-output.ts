import { endOf, LocalTool, ToolFailure, type ToolAnswer } from '../../host/local-tool.js'
import { HypervisorDenied, HypervisorUnavailable } from '../hypervisor.js'
import { mostToolBytes, XenToolError, type XenToolOutput, type XenToolWord } from './xen-tools.js'

export interface LocalToolOutputOptions {
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

/** xl or xm of the dom0 that this program runs in. */
export class LocalToolOutput implements XenToolOutput {
  readonly #tool: LocalTool

  readonly #programs: readonly string[]

  constructor({ programs = usual, deadlineMs = 60_000 }: LocalToolOutputOptions = {}) {
    this.#programs = programs
    this.#tool = new LocalTool({ programs, deadlineMs, mostBytes: mostToolBytes })
  }

  async text(what: XenToolWord, signal: AbortSignal): Promise<string> {
    let answer: ToolAnswer
    try {
      answer = await this.#tool.run(words[what], signal)
    } catch (error) {
      throw error instanceof ToolFailure ? this.#failure(error) : error
    }
    if (answer.status === 0) return answer.stdout
    throw new XenToolError(`${endOf(answer)}${rootOnly()}`)
  }

  #failure(error: ToolFailure): Error {
    switch (error.kind) {
      case 'missing':
        return new HypervisorUnavailable(`no tool of Xen is here: ${this.#programs.join(', ')}`, { cause: error })
      case 'denied':
        return new HypervisorDenied(error.message, { cause: error })
      case 'failed':
        return new XenToolError(`${error.message}${rootOnly()}`, { cause: error })
    }
  }
}

function rootOnly(): string {
  return process.geteuid?.() === 0 ? '' : '; it works for root only, and this program does not run as root'
}
