import { createConnection, type Socket } from 'node:net'
import { endianness } from 'node:os'

import { DeadlineExceeded } from '../../../common/deadline.js'
import { errorCode } from '../../../common/error-code.js'
import { NotExporting } from './export-source.js'

/** What is asked: numbers of `enum tgtadm_mode` and `enum tgtadm_op`. The first of each list is 0. */
const questions = {
  /** What `tgtadm --mode target --op show` prints. */
  targets: { mode: 1, op: 2 },
  /** What `tgtadm --mode sys --op stat` prints. */
  statistics: { mode: 0, op: 6 },
} as const

const lldBytes = 64
const requestBytes = 120
const headingBytes = 8
const mostBytes = 4 * 2 ** 20

/**
 * Asks tgtd by the socket that tgtadm uses: one question a connection, as `struct tgtadm_req` and `struct tgtadm_rsp` of usr/tgtadm.h and
 * usr/mgmt.c of tgt have it, in the machine's byte order; the same since tgt 1.0.30 of 2012, which was the first to tell statistics this way.
 * @returns the text of the answer, as bytes
 * @throws NotExporting where nothing listens, DeadlineExceeded, or what is wrong with the answer
 */
export function askTgt(path: string, question: keyof typeof questions, deadlineMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path)
    let timer: NodeJS.Timeout | undefined
    const end = (give: () => void): void => {
      clearTimeout(timer)
      socket.destroy()
      give()
    }
    collect(
      socket,
      (text) => end(() => resolve(text)),
      (error) => end(() => reject(refusal(error, path))),
    )
    // Given up only after it is sent: a tgtd to which nothing was said may wait for it in a busy loop.
    socket.write(request(question), (error) => {
      // `collect` hears of it.
      if (error !== undefined && error !== null) return
      const late = (): void => reject(new DeadlineExceeded(`tgtd: no answer within ${deadlineMs} ms`))
      timer = setTimeout(() => end(late), deadlineMs)
    })
  })
}

function request(question: keyof typeof questions): Buffer {
  const bytes = Buffer.alloc(requestBytes)
  const put = (value: number, at: number): void => {
    if (endianness() === 'LE') bytes.writeInt32LE(value, at)
    else bytes.writeInt32BE(value, at)
  }
  const { mode, op } = questions[question]
  put(mode, 0)
  put(op, 4)
  bytes.write('iscsi', 8, 'latin1')
  put(requestBytes, 8 + lldBytes)
  // All targets.
  put(-1, 12 + lldBytes)
  return bytes
}

function collect(socket: Socket, done: (text: Buffer) => void, failed: (error: unknown) => void): void {
  const parts: Buffer[] = []
  let length = 0
  socket.on('data', (part: Buffer) => {
    parts.push(part)
    length += part.length
    if (length > mostBytes) failed(new Error(`tgtd: its answer is longer than ${mostBytes} bytes`))
  })
  socket.on('error', failed)
  socket.on('end', () => {
    try {
      const [only] = parts
      done(textOf(only !== undefined && parts.length === 1 ? only : Buffer.concat(parts)))
    } catch (error) {
      failed(error)
    }
  })
}

function textOf(answer: Buffer): Buffer {
  if (answer.length === 0) throw new Error('tgtd hung up: it answers its own user and group only')
  if (answer.length < headingBytes)
    throw new Error(`tgtd: expected at least ${headingBytes} bytes, got ${answer.length}`)
  const number = (at: number): number => (endianness() === 'LE' ? answer.readUInt32LE(at) : answer.readUInt32BE(at))
  const [error, length] = [number(0), number(4)]
  if (error !== 0) throw new Error(`tgtd: error ${error}`)
  if (length !== answer.length) throw new Error(`tgtd: expected ${length} bytes, got ${answer.length}`)
  // As C ends its texts.
  let end = answer.length
  while (end > headingBytes && answer[end - 1] === 0) end -= 1
  return answer.subarray(headingBytes, end)
}

function refusal(error: unknown, path: string): unknown {
  const code = errorCode(error)
  if (code === 'ENOENT' || code === 'ECONNREFUSED') return new NotExporting('tgtd does not run')
  if (code === 'EACCES') return new Error(`${path}: for tgtd's own user only`, { cause: error })
  return error
}
