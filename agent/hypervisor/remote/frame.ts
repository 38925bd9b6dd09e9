/**
 * What deploy/remote/headroom-reader.sh answers to a word: a frame of parts, each begun by a line of its own.
 *
 *     @@headroom 7 begin fast
 *     @@headroom 7 heads /proc
 *     …
 *     @@headroom 7 end fast
 *
 * A newline before each mark belongs to the mark: files need not end with one. The machine at the other end may say anything;
 * what does not look like this is a `MalformedFrame`, and nothing else is ever thrown.
 */

/** The other machine broke the rules; nothing of what it said then is used. */
export class MalformedFrame extends Error {
  override readonly name = 'MalformedFrame'
}

/** What a channel says before anything else. */
export const readyLine = /^@@headroom 0 ready (\d{1,4})$/
/** Of the reader that this agent understands. */
export const readerVersion = 1

export interface Part {
  /** `heads`, `links`, … */
  readonly kind: string
  /** The rest of its line. */
  readonly argument: string
  /** A view of the frame's bytes. */
  readonly body: Buffer
}

const newline = 0x0a
const mostParts = 4096

/** Puts one frame together from chunks. */
export class FrameCollector {
  readonly #begin: Buffer
  readonly #end: Buffer
  readonly #mostBytes: number
  #bytes = Buffer.alloc(0)
  #length = 0
  /** Where the end may begin: what is before has been searched. */
  #searched = 0

  /** @param number how many words were said before this one, and this one */
  constructor({
    number,
    word,
    mostBytes,
  }: {
    readonly number: number
    readonly word: string
    readonly mostBytes: number
  }) {
    this.#begin = Buffer.from(`\n@@headroom ${number} begin ${word}\n`)
    this.#end = Buffer.from(`\n@@headroom ${number} end ${word}\n`)
    this.#mostBytes = mostBytes
  }

  /**
   * @returns what is between begin and end, once the end is there
   * @throws MalformedFrame if it is too long, does not begin as it must, or goes on after its end
   */
  push(chunk: Buffer): Buffer | undefined {
    if (this.#length + chunk.length > this.#mostBytes) {
      throw new MalformedFrame(`an answer of more than ${this.#mostBytes} bytes`)
    }
    this.#append(chunk)
    const had = this.#bytes.subarray(0, this.#length)
    const start = had.subarray(0, this.#begin.length)
    if (!start.equals(this.#begin.subarray(0, start.length))) {
      throw new MalformedFrame('an answer to something that was not asked')
    }
    const at = had.indexOf(this.#end, Math.max(this.#begin.length, this.#searched))
    if (at < 0) {
      this.#searched = Math.max(0, this.#length - this.#end.length)
      return undefined
    }
    if (at + this.#end.length !== this.#length) throw new MalformedFrame('more than was asked for')
    return had.subarray(this.#begin.length, at)
  }

  #append(chunk: Buffer): void {
    const needed = this.#length + chunk.length
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.min(this.#mostBytes, Math.max(needed, this.#bytes.length * 2, 16_384)))
      this.#bytes.copy(larger, 0, 0, this.#length)
      this.#bytes = larger
    }
    chunk.copy(this.#bytes, this.#length)
    this.#length = needed
  }
}

/**
 * The parts of a frame.
 * @param frame as `FrameCollector` gives it
 * @throws MalformedFrame
 */
export function partsOf(frame: Buffer, number: number): readonly Part[] {
  const mark = Buffer.from(`\n@@headroom ${number} `)
  const parts: Part[] = []
  let at = frame.indexOf(mark)
  if (frame.length > 0 && at !== 0) throw new MalformedFrame('an answer without a first part')
  while (at >= 0) {
    const lineEnd = frame.indexOf(newline, at + mark.length)
    if (lineEnd < 0) throw new MalformedFrame('half a mark')
    const next = frame.indexOf(mark, lineEnd + 1)
    const [kind = '', ...rest] = frame.toString('latin1', at + mark.length, lineEnd).split(' ')
    parts.push({ kind, argument: rest.join(' '), body: frame.subarray(lineEnd + 1, next < 0 ? frame.length : next) })
    if (parts.length > mostParts) throw new MalformedFrame(`an answer of more than ${mostParts} parts`)
    at = next
  }
  return parts
}
