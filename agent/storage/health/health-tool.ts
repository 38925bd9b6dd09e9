import { endOf, LocalTool, ToolFailure, type ToolAnswer } from '../../host/local-tool.js'
import { NotHere } from './storage-health.js'

export interface HealthToolOptions {
  /** `auto`: the first of `usual` that is there; or a path. */
  readonly setting: string
  readonly usual: readonly string[]
  readonly deadlineMs: number
  /** Whether this process is root, which is what these programs want. */
  readonly isRoot: boolean
}

const mostBytes = 8 * 2 ** 20

/** A program that tells of the machine's storage, for root only. */
export class HealthTool {
  readonly #tool: LocalTool
  readonly #programs: readonly string[]

  constructor(private readonly options: HealthToolOptions) {
    const { setting, usual, deadlineMs } = options
    this.#programs = setting === 'auto' ? usual : [setting]
    this.#tool = new LocalTool({ programs: this.#programs, deadlineMs, mostBytes })
  }

  /** Why it cannot be run; undefined if it can. A path that somebody configured is run by whoever we are: it may be a wrapper. */
  async unavailable(): Promise<string | undefined> {
    const { setting, isRoot } = this.options
    try {
      await this.#tool.path()
    } catch (error) {
      if (!(error instanceof ToolFailure)) throw error
      return error.kind === 'missing' ? `${this.#programs[0] ?? ''} is not there` : error.message
    }
    return setting === 'auto' && !isRoot ? `${this.#shortName} works for root only` : undefined
  }

  /** What it prints, whatever its exit status. @throws NotHere, or why it could not be run */
  async answer(args: readonly string[], signal: AbortSignal): Promise<ToolAnswer> {
    try {
      return await this.#tool.run(args, signal)
    } catch (error) {
      if (error instanceof ToolFailure && error.kind === 'missing') throw new NotHere(error.message)
      throw error
    }
  }

  /** The same, where any other exit status than 0 is a failure. */
  async text(args: readonly string[], signal: AbortSignal): Promise<string> {
    const answer = await this.answer(args, signal)
    if (answer.status === 0) return answer.stdout
    throw new Error(endOf(answer))
  }

  get #shortName(): string {
    return (this.#programs[0] ?? '').replace(/^.*\//, '')
  }
}
