import { constants } from 'node:fs'
import { open } from 'node:fs/promises'

import { rejectedBy } from '../../../common/deadline.js'

const mostBytes = 16_384

/** Reads that have not come to an end, by path: each takes a thread of few, and on a file system that hangs keeps it. */
const underWay = new Map<string, Promise<string>>()

/**
 * The first line of a file, read at each use, so that a new secret needs no restart.
 * @param read gives the beginning of a file
 * @throws Error that names the file: it cannot be read, or not before `signal` aborts; its first line is empty or longer than 16 KiB
 */
export async function readSecret(path: string, signal: AbortSignal, read = beginningOf): Promise<string> {
  const reading = underWay.get(path) ?? begin(path, read)
  const text = await Promise.race([reading, rejectedBy(signal, `${path}: could not be read in time`)])
  const [line = ''] = text.split(/\r?\n/, 1)
  if (line === '') throw new Error(`${path}: the first line is empty, a secret was expected`)
  if (Buffer.byteLength(line) > mostBytes) throw new Error(`${path}: the first line is longer than ${mostBytes} bytes`)
  return line
}

function begin(path: string, read: (path: string) => Promise<string>): Promise<string> {
  const reading = read(path).finally(() => underWay.delete(path))
  underWay.set(path, reading)
  return reading
}

/** No more of it than tells where its first line ends. */
async function beginningOf(path: string): Promise<string> {
  // A pipe in its place must not keep anybody waiting.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    if (!(await handle.stat()).isFile()) throw new Error(`${path}: not a file`)
    const buffer = Buffer.alloc(mostBytes + 2)
    let length = 0
    for (;;) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length)
      length += bytesRead
      if (bytesRead === 0 || length === buffer.length) break
    }
    return buffer.toString('utf8', 0, length)
  } finally {
    await handle.close()
  }
}
