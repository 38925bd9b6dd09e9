import { createHash } from 'node:crypto'

import { FromAgent, type Hello } from '../../proto/gen/headroom/v1/agent.js'
import { Report } from '../../proto/gen/headroom/v1/report.js'

/** Reads a message without any witness's hearing of it. */
export const decodeUnheard: typeof FromAgent.decode = FromAgent.decode.bind(FromAgent)

/** A report as it came. */
export interface Heard {
  readonly report: Report
  readonly bytes: Buffer
  /** On the monotonic clock, the first time. */
  readonly heardAt: number
}

/** Reports by spool and number. */
export type Reports = ReadonlyMap<string, ReadonlyMap<number, Heard>>

/**
 * Listens to what agents say to any gRPC server of this process, before the server looks at it, and says what does not fit together:
 * a number that stands for two reports, a report under two numbers, a hole in the numbers.
 */
export class WireWitness {
  readonly #reports = new Map<string, Map<number, Heard>>()
  readonly #numberOfContent = new Map<string, string>()
  readonly #faults: string[] = []
  readonly #hellos: Hello[] = []

  /** Hears every message of an agent that is decoded in this process from now on; there is one witness in a process. */
  listen(): void {
    const heard: typeof FromAgent.decode = (input, length) => {
      const message = decodeUnheard(input, length)
      if (input instanceof Uint8Array) this.#hear(message, Buffer.from(input))
      return message
    }
    Object.assign(FromAgent, { decode: heard })
  }

  get hellos(): readonly Hello[] {
    return this.#hellos
  }

  get reports(): Reports {
    return this.#reports
  }

  /** Everything that does not fit together so far. */
  faults(): string[] {
    const holes = [...this.#reports].flatMap(([spoolId, reports]) => {
      const missing = Array.from({ length: Math.max(...reports.keys()) }, (_, index) => index + 1).filter(
        (seq) => !reports.has(seq),
      )
      return missing.length === 0 ? [] : [`spool ${spoolId}: ${missing.length} numbers never came: ${missing[0]} …`]
    })
    return [...this.#faults, ...holes]
  }

  #hear({ message }: FromAgent, bytes: Buffer): void {
    if (message?.$case === 'hello') {
      this.#hellos.push(message.value)
      // Same machine, same clock: a busy moment must not look like a clock that is off.
      message.value.wallMs = -1n
    }
    if (message?.$case === 'report') this.#hearReport(message.value, bytes)
  }

  #hearReport(report: Report, bytes: Buffer): void {
    const { spoolId } = report
    const seq = Number(report.seq)
    let reports = this.#reports.get(spoolId)
    if (reports === undefined) this.#reports.set(spoolId, (reports = new Map()))
    const before = reports.get(seq)
    if (before === undefined) reports.set(seq, { report, bytes, heardAt: performance.now() })
    else if (!before.bytes.equals(bytes)) this.#faults.push(`spool ${spoolId}: ${seq} stands for two reports`)
    const content = createHash('sha1')
      .update(Report.encode({ ...report, spoolId: '', seq: 0n }).finish())
      .digest('base64')
    const number = `${spoolId} ${seq}`
    const other = this.#numberOfContent.get(content)
    if (other !== undefined && other !== number) this.#faults.push(`the report ${number} came as ${other} before`)
    this.#numberOfContent.set(content, number)
  }
}
