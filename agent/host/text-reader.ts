import { closeSync, openSync, readSync } from 'node:fs'

import { errorCode } from '../../common/error-code.js'

const firstBytes = 64 * 1024
const mostBytes = 8 * 1024 * 1024

/** Reads small files of /proc and /sys. */
export interface TextReader {
  /** @throws the error of the file system */
  read(path: string): string
  /** Undefined where the kernel does not have the file, or has it switched off. */
  readIfThere(path: string): string | undefined
}

/**
 * A reader with one buffer for all its files. It reads synchronously on purpose: /proc comes from the kernel's memory,
 * and a trip through the thread pool costs six times the read itself. Never use it on real file systems.
 */
export function createTextReader(): TextReader {
  let buffer = Buffer.allocUnsafe(firstBytes)

  function read(path: string): string {
    const file = openSync(path, 'r')
    try {
      let length = 0
      for (;;) {
        if (length === buffer.length) buffer = grown(buffer, path)
        const got = readSync(file, buffer, length, buffer.length - length, null)
        if (got === 0) return buffer.toString('utf8', 0, length)
        length += got
      }
    } finally {
      closeSync(file)
    }
  }

  return {
    read,
    readIfThere(path) {
      try {
        return read(path)
      } catch (error) {
        if (isAbsent(error)) return undefined
        throw error
      }
    },
  }
}

function grown(buffer: Buffer<ArrayBuffer>, path: string): Buffer<ArrayBuffer> {
  if (buffer.length >= mostBytes) throw new Error(`${path}: longer than ${mostBytes} bytes`)
  const larger = Buffer.allocUnsafe(buffer.length * 4)
  buffer.copy(larger)
  return larger
}

// EOPNOTSUPP: /proc/pressure on a kernel started with psi=0.
const absentCodes: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'EOPNOTSUPP', 'ENOTSUP'])

/** Whether a file-system error says that there is no such thing here. */
export function isAbsent(error: unknown): boolean {
  return absentCodes.has(errorCode(error))
}
