import { closeSync, constants, openSync } from 'node:fs'

import { errorCode } from '../../common/error-code.js'

/** What is written past the page cache begins at, and is, a whole number of these. */
export const blockBytes = 4096

const { O_RDWR, O_DSYNC } = constants
/** Of Linux only, and not of every file system. */
const directFlag: number | undefined = constants.O_DIRECT

export interface DirectFile {
  readonly file: number
  /** From where in the memory on a device can fetch what is written. */
  readonly offset: number
}

/**
 * The same file again, past the page cache; undefined if that cannot be.
 * @param memory longer by a block than what will be written from it
 * @param write writes a block to the file for a try. @throws what that throws, but for memory that lies wrong
 */
export function openDirect(
  file: number,
  memory: Buffer,
  write: (file: number, block: Buffer) => void,
): DirectFile | undefined {
  if (directFlag === undefined) return undefined
  let direct: number
  try {
    direct = openSync(`/proc/self/fd/${file}`, O_RDWR | O_DSYNC | directFlag)
  } catch {
    return undefined
  }
  // Where a buffer lies in memory is not told: one that lies wrong is refused, and nothing is written.
  for (let offset = 0; offset <= blockBytes; offset += 16) {
    try {
      write(direct, memory.subarray(offset, offset + blockBytes))
      return { file: direct, offset }
    } catch (error) {
      if (errorCode(error) === 'EINVAL') continue
      closeSync(direct)
      throw error
    }
  }
  closeSync(direct)
  return undefined
}
