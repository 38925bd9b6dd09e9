import { parseBootId } from '../../host/kernel.js'
import { waitAtMost } from '../../host/wait-at-most.js'
import { HypervisorUnavailable } from '../hypervisor.js'
import { FileCopy, lanes, type Lane } from './file-copy.js'
import { contentOf } from './frame-content.js'
import { MalformedFrame, type Part } from './frame.js'
import type { Question } from './reader-stream.js'

export interface RemoteReaderOptions {
  readonly ask: (question: Question) => Promise<readonly Part[]>
  /** Hears when the machine has booted anew. */
  readonly onBoot: () => void
}

const questions: Readonly<Record<Lane, Question>> = {
  fast: { word: 'fast', deadlineMs: 3000, mostBytes: 4 * 2 ** 20 },
  state: { word: 'state', deadlineMs: 6000, mostBytes: 8 * 2 ** 20 },
  inventory: { word: 'inventory', deadlineMs: 15_000, mostBytes: 16 * 2 ** 20 },
}

/** Longer than all questions together that can be before this one. */
const patienceMs = 40_000
const bootIdPath = '/proc/sys/kernel/random/boot_id'

interface Wanted {
  lane: Lane
  readonly done: Promise<void>
}

/**
 * Keeps a copy of another machine's files as fresh as it is asked to. Those who want a frame at the same moment share one, and a
 * larger one holds the smaller ones.
 */
export class RemoteReader {
  readonly files = new FileCopy()
  readonly #options: RemoteReaderOptions
  /** Not sent yet: whoever wants one now joins in. */
  #wanted: Wanted | undefined
  #bootId: string | undefined

  constructor(options: RemoteReaderOptions) {
    this.#options = options
  }

  /** Of the machine as it was heard last; undefined before that, and where its kernel does not tell. */
  get bootId(): string | undefined {
    return this.#bootId
  }

  /**
   * Resolves when `files` are as they were after this was called, as far as `lane` goes.
   * @throws HypervisorDenied, HypervisorUnavailable; the signal's reason
   */
  async refresh(lane: Lane, signal?: AbortSignal): Promise<void> {
    const wanted = this.#wanted ?? this.#want(lane)
    if (lanes.indexOf(lane) > lanes.indexOf(wanted.lane)) wanted.lane = lane
    await waitAtMost(wanted.done, patienceMs, `the machine's figures (${lane})`, signal)
  }

  /** What was read counts no more. */
  lose(reason: Error): void {
    this.files.lose(reason)
  }

  #want(lane: Lane): Wanted {
    // Sent when all who want one at this moment have said so.
    const sent = Promise.resolve().then(() => {
      this.#wanted = undefined
      return this.#read(wanted.lane)
    })
    const wanted: Wanted = { lane, done: sent }
    this.#wanted = wanted
    return wanted
  }

  async #read(lane: Lane): Promise<void> {
    const parts = await this.#options.ask(questions[lane])
    try {
      this.#take(lane, parts)
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error
      const failure = new HypervisorUnavailable(`the machine tells too much: ${error.message}`, { cause: error })
      this.lose(failure)
      throw failure
    }
  }

  #take(lane: Lane, parts: readonly Part[]): void {
    const content = contentOf(parts)
    const found = content.tree.find(bootIdPath)
    const bootId = found?.kind === 'file' ? parseBootId(found.bytes.toString('latin1')) : undefined
    const before = this.#bootId
    const isAnew = before !== undefined && bootId !== undefined && bootId !== before
    // One that cannot be read just now is the one before.
    this.#bootId = bootId ?? before
    if (isAnew) this.files.forget()
    this.files.take(lane, content)
    if (isAnew) this.#options.onBoot()
  }
}
