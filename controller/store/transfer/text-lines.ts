import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'

import { errorCode } from '../../../common/error-code.js'

export interface TextLine {
  readonly text: string
  readonly number: number
  /** Why it is no line: too long, not UTF-8, or the text ends or is damaged in it. Empty if it is one. */
  readonly problem: string
  /** Of the file, packed as it is, up to here. */
  readonly bytes: number
}

const mostBytes = 4 * 2 ** 20
const lineEnd = 10

/**
 * Lines of a text, unpacked if it is packed by gzip. The last one has to end as well: a text that does not may be cut anywhere.
 * @throws Error of the file system
 */
export async function* textLines(input: Readable): AsyncGenerator<TextLine> {
  let bytes = 0
  let number = 0
  let rest: Buffer[] = []
  let length = 0
  const line = (): TextLine => {
    number += 1
    const whole = rest.length === 1 && rest[0] !== undefined ? rest[0] : Buffer.concat(rest)
    const isTooLong = length > mostBytes
    rest = []
    length = 0
    return { ...decoded(whole, isTooLong), number, bytes }
  }
  const keep = (part: Buffer): void => {
    length += part.length
    if (length <= mostBytes) rest.push(part)
  }
  try {
    for await (const chunk of unpacked(input, (size) => (bytes += size))) {
      let from = 0
      for (let end = chunk.indexOf(lineEnd); end !== -1; end = chunk.indexOf(lineEnd, from)) {
        keep(chunk.subarray(from, end))
        from = end + 1
        yield line()
      }
      if (from < chunk.length) keep(chunk.subarray(from))
    }
  } catch (error) {
    if (!isOfGzip(error)) throw error
    yield { ...line(), problem: `expected what gzip packed: ${error.message}` }
    return
  }
  if (length > 0) yield { ...line(), problem: 'expected an end of the line: the text is cut' }
}

function isOfGzip(error: unknown): error is Error {
  return error instanceof Error && errorCode(error).startsWith('Z_')
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function decoded(bytes: Buffer, isTooLong: boolean): { text: string; problem: string } {
  if (isTooLong) return { text: '', problem: `expected a line of at most ${mostBytes} bytes` }
  try {
    return { text: utf8.decode(bytes).replace(/\r$/, ''), problem: '' }
  } catch {
    return { text: '', problem: 'expected UTF-8' }
  }
}

async function* unpacked(input: Readable, tell: (bytes: number) => void): AsyncGenerator<Buffer> {
  const chunks = counted(input, tell)
  const first = await chunks.next()
  if (first.done === true) return
  // No text begins so.
  if (first.value[0] !== 0x1f) {
    yield first.value
    yield* chunks
    return
  }
  const packed = Readable.from(following(first.value, chunks))
  const text = createGunzip()
  packed.on('error', (error) => text.destroy(error))
  try {
    for await (const chunk of packed.pipe(text)) if (Buffer.isBuffer(chunk)) yield chunk
  } finally {
    packed.destroy()
  }
}

async function* counted(input: Readable, tell: (bytes: number) => void): AsyncGenerator<Buffer> {
  for await (const chunk of input) {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk))
    tell(bytes.length)
    if (bytes.length > 0) yield bytes
  }
}

async function* following(first: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield first
  yield* rest
}
