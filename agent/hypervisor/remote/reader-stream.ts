import type { Duplex } from 'node:stream'

import { Backoff } from '../../../common/backoff.js'
import { HypervisorUnavailable } from '../hypervisor.js'
import { FrameCollector, MalformedFrame, partsOf, type Part } from './frame.js'
import { RetryGate } from './retry-gate.js'

export interface ReaderStreamOptions {
  /** Opens a channel to a reader: see `SshLink.open`. */
  readonly open: () => Promise<Duplex>
  /** Hears why what was read until now counts no more. */
  readonly onLost: (reason: Error) => void
  readonly monotonicMs: () => number
  /**
   * How long after its deadline an answer is still waited for, though nobody hears it: meanwhile nothing else is asked. For
   * questions whose work goes on at the other end when the channel is closed, and would pile up there. Default: not at all.
   */
  readonly lateMs?: number
}

export interface Question {
  readonly word: string
  /** From when it is sent. */
  readonly deadlineMs: number
  /** Of the answer. */
  readonly mostBytes: number
  /** Once it has aborted, what was not written yet is not asked any more. What was is waited for. */
  readonly signal?: AbortSignal
  /** The last thing before it is written, with the channel open. If it throws, nothing is asked. */
  readonly check?: () => Promise<void>
}

const retry = { baseMs: 500, capMs: 15_000 } as const
const mostWaiting = 16

interface Asked {
  readonly word: string
  readonly collector: FrameCollector
  readonly number: number
  readonly answered: (parts: readonly Part[]) => void
  readonly failed: (error: Error) => void
}

/** A channel that is open, and how many words were said on it. */
interface Line {
  readonly channel: Duplex
  said: number
}

/**
 * headroom-reader's answers, one after the other. The channel is opened when something is asked; one that answers too late (see
 * `lateMs`), or what is no answer, is closed, and the next question opens another as soon as the backoff lets it.
 */
export class ReaderStream {
  readonly #options: ReaderStreamOptions
  readonly #gate: RetryGate
  #line: Line | undefined
  #asked: Asked | undefined
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0
  #closed = false

  constructor(options: ReaderStreamOptions) {
    this.#options = options
    this.#gate = new RetryGate(new Backoff(retry), options.monotonicMs)
  }

  /** @throws HypervisorDenied, HypervisorUnavailable; what `check` throws, and the signal's reason */
  async ask(question: Question): Promise<readonly Part[]> {
    if (this.#waiting >= mostWaiting) throw new HypervisorUnavailable(`${mostWaiting} questions are waiting`)
    this.#waiting += 1
    const answer = this.#last
      .then(() => this.#ask(question))
      .finally(() => {
        this.#waiting -= 1
      })
    this.#last = answer.catch(() => undefined)
    return answer
  }

  close(): void {
    this.#closed = true
    this.#line?.channel.destroy()
    this.#lose(new HypervisorUnavailable('the connection was closed'))
  }

  async #ask({ word, deadlineMs, mostBytes, signal, check }: Question): Promise<readonly Part[]> {
    signal?.throwIfAborted()
    if (this.#asked !== undefined) {
      throw new HypervisorUnavailable(`headroom-reader is still at work on ${this.#asked.word}`)
    }
    const line = this.#line ?? (await this.#open())
    await check?.()
    signal?.throwIfAborted()
    if (this.#line !== line) throw new HypervisorUnavailable('the channel was closed')
    line.said += 1
    const number = line.said
    const { lateMs = 0 } = this.#options
    const late = new HypervisorUnavailable(`no answer to ${word} within ${deadlineMs} ms`)
    return new Promise<readonly Part[]>((answered, failed) => {
      const deadline = lateMs > 0 ? setTimeout(() => failed(late), deadlineMs) : undefined
      const end = setTimeout(() => this.#drop(line, late), deadlineMs + lateMs)
      const over = (): void => {
        clearTimeout(deadline)
        clearTimeout(end)
        this.#asked = undefined
      }
      this.#asked = {
        word,
        number,
        collector: new FrameCollector({ number, word, mostBytes }),
        answered: (parts) => {
          over()
          this.#gate.worked()
          answered(parts)
        },
        failed: (error) => {
          over()
          failed(error)
        },
      }
      line.channel.write(`${word}\n`)
    })
  }

  async #open(): Promise<Line> {
    const refusal = this.#closed ? new HypervisorUnavailable('the connection was closed') : this.#gate.refusal()
    if (refusal !== undefined) throw refusal
    // What fails here has a backoff of its own.
    const channel = await this.#options.open()
    const line: Line = { channel, said: 0 }
    channel.on('data', (chunk: Buffer) => this.#receive(line, chunk))
    channel.once('error', (error) => this.#drop(line, error))
    channel.once('close', () => this.#drop(line, new HypervisorUnavailable('the channel was closed')))
    if (this.#closed) channel.destroy()
    this.#line = line
    return line
  }

  #receive(line: Line, chunk: Buffer): void {
    if (this.#line !== line) return
    const asked = this.#asked
    try {
      if (asked === undefined) throw new MalformedFrame('an answer to something that was not asked')
      const frame = asked.collector.push(chunk)
      if (frame !== undefined) asked.answered(partsOf(frame, asked.number))
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error
      this.#drop(
        line,
        new HypervisorUnavailable(`headroom-reader does not answer as it should: ${error.message}`, { cause: error }),
      )
    }
  }

  #drop(line: Line, reason: Error): void {
    if (this.#line !== line) return
    this.#line = undefined
    line.channel.destroy()
    this.#gate.failed(reason)
    this.#lose(reason)
  }

  #lose(reason: Error): void {
    this.#options.onLost(reason)
    this.#asked?.failed(reason)
  }
}
