import { constants } from 'node:fs'
import { open, readFile, realpath, stat } from 'node:fs/promises'
import { resolve } from 'node:path'

import { errorCode } from '../../common/error-code.js'
import { decodePolicy, mostPolicyBytes, wrongFile } from './policy-file.js'

/** What a policy file holds, and where that comes from. */
export interface PolicyFileContent {
  readonly text: string
  readonly file: string
  readonly linkTarget: string | undefined
  readonly modifiedAt: number
  readonly author: string
}

/**
 * What tells that the file may hold something else than before, links followed: it was replaced, a link on the way to it was, or it was
 * written to.
 */
export async function fileMark(file: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true })
    return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
  } catch (error) {
    return `unreadable: ${errorCode(error)}`
  }
}

/**
 * Reads the file, no more of it than a policy may have.
 * @throws ConfigError: missing, no file, unreadable, too long, no UTF-8
 */
export async function readPolicyFile(file: string): Promise<PolicyFileContent> {
  const path = resolve(file)
  try {
    // A pipe in its place must not keep the controller waiting.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const stats = await handle.stat()
      if (!stats.isFile()) throw wrongFile(file, 'a file', stats.isDirectory() ? 'a directory' : 'something else')
      const buffer = Buffer.alloc(mostPolicyBytes + 1)
      let length = 0
      for (;;) {
        const { bytesRead } = await handle.read(buffer, length, buffer.length - length)
        length += bytesRead
        if (bytesRead === 0 || length === buffer.length) break
      }
      const target = await realpath(path)
      return {
        text: decodePolicy(buffer.subarray(0, length), file),
        file: path,
        linkTarget: target === path ? undefined : target,
        modifiedAt: stats.mtimeMs,
        author: await userName(stats.uid),
      }
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (errorCode(error) === 'ENOENT') throw wrongFile(file, 'a readable file', 'none: there is no such file')
    if (errorCode(error) !== '') throw wrongFile(file, 'a readable file', messageOf(error))
    throw error
  }
}

/** The name of a user of this machine, as far as its own list says. */
async function userName(uid: number): Promise<string> {
  const list = await readFile('/etc/passwd', 'utf8').catch(() => '')
  const fields = list.split('\n').map((line) => line.split(':'))
  return fields.find(([, , id]) => id === String(uid))?.[0] ?? `uid ${uid}`
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
