import { closeSync, constants, fdatasyncSync, openSync, readSync, writeSync } from 'node:fs'

import { errorCode } from '../../../common/error-code.js'

const digits = 15
/** The file is there, and only written over: `O_TRUNC` would give its bytes away. */
const writing = constants.O_WRONLY | constants.O_CREAT

/**
 * The number of the next alert in a file of its own, for when the state cannot be written: so that no number is given twice. Its few bytes are there
 * from the first start and are only ever written over, which works on a full disk, too, where a database cannot write. @throws by the file system
 */
export class SpareNumber {
  constructor(private readonly path: string) {}

  /** What was kept last; undefined if nothing was, or it is damaged. */
  read(): number | undefined {
    let file: number
    try {
      file = openSync(this.path, constants.O_RDONLY)
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined
      throw error
    }
    try {
      const text = Buffer.alloc(digits)
      readSync(file, text, 0, digits, 0)
      return /^\d+$/.test(text.toString('latin1')) ? Number(text) : undefined
    } finally {
      closeSync(file)
    }
  }

  /** Durable when it returns. */
  keep(next: number): void {
    const file = openSync(this.path, writing, 0o600)
    try {
      writeSync(file, `${String(next).padStart(digits, '0')}\n`, 0)
      fdatasyncSync(file)
    } finally {
      closeSync(file)
    }
  }
}
