import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { basename, dirname } from 'node:path'

import { errorCode } from '../../../common/error-code.js'
import { numberOf } from '../../host/local-files.js'
import { blockBytes, openDirect } from '../direct-file.js'

/** The last name of every path that the canary writes to begins so: nothing else is called that by chance. */
export const canaryName = /^headroom-canary[\w.-]{0,100}$/

const mark = 'headroom canary: a small write by which the time that this storage takes is measured\n'
/** A device without a mark of ours has to be empty for so far: file systems, volumes and boot blocks have theirs there. */
const blankBytes = 1024 * 1024

const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_DSYNC } = constants

/** Device numbers, as `major:minor`. */
export interface CanaryPlace {
  /** Of the file system that the directory is on: known before anything is made there. */
  readonly directory: string
  /** Of the device, or of the file system that the file is on: another one if the file itself is a mount. */
  readonly own: string
}

/** A file or a device of the canary's own, open. All calls of it wait for the storage, however long that takes. */
export interface CanaryFile {
  /** Past the page cache. */
  readonly isDirect: boolean
  readonly place: CanaryPlace
  /** One block, which is on stable storage when it returns. @throws the file system's error */
  write(): void
  /** Removes what it has made itself, if that is still what its path names. */
  close(): void
}

/** What is there is not the canary's. */
export class NotOurs extends Error {
  override readonly name = 'NotOurs'
}

/**
 * Opens the canary's file, or makes it: then its block is allocated, so that no later write changes more than the block. A
 * device (`/dev/vg/headroom-canary`), or a file that was put there, is taken if it carries our mark or is blank.
 * @param expected where an earlier opening found it, if there was one: nothing is written elsewhere, such as on the file system
 *   beneath a mount that is gone
 * @throws NotOurs, or the file system's error
 */
export function openCanaryFile(path: string, expected?: CanaryPlace): CanaryFile {
  if (!canaryName.test(basename(path))) throw new NotOurs(`${path}: expected a last name such as headroom-canary`)
  const directory = numberOf(statSync(dirname(path), { bigint: true }).dev)
  refuseOther(path, expected?.directory, directory)
  const file = openOrMake(path)
  try {
    const found = fstatSync(file, { bigint: true })
    const own = numberOf(found.isBlockDevice() ? found.rdev : found.dev)
    refuseOther(path, expected?.own, own)
    const { size, isMade } = examined(file, path)
    const block = Buffer.allocUnsafeSlow(2 * blockBytes)
    if (size === 0) {
      writeWhole(file, filled(block.subarray(0, blockBytes), 0))
      fsyncSync(file)
    }
    const direct = openDirect(file, block, (descriptor, own) => writeWhole(descriptor, filled(own, 0)))
    const place = { directory, own }
    const from = direct?.offset ?? 0
    return new OpenCanary(path, place, file, direct, block.subarray(from, from + blockBytes), isMade)
  } catch (error) {
    closeSync(file)
    throw error
  }
}

class OpenCanary implements CanaryFile {
  #count = 0

  constructor(
    private readonly path: string,
    readonly place: CanaryPlace,
    private readonly file: number,
    private readonly direct: { readonly file: number } | undefined,
    private readonly block: Buffer,
    private readonly isMade: boolean,
  ) {}

  get isDirect(): boolean {
    return this.direct !== undefined
  }

  write(): void {
    this.#count += 1
    writeWhole(this.direct?.file ?? this.file, filled(this.block, this.#count))
  }

  close(): void {
    try {
      if (this.isMade && this.#isAtItsPath()) unlinkSync(this.path)
    } finally {
      if (this.direct !== undefined) closeSync(this.direct.file)
      closeSync(this.file)
    }
  }

  #isAtItsPath(): boolean {
    const own = fstatSync(this.file, { bigint: true })
    const there = lstatSync(this.path, { bigint: true })
    return own.dev === there.dev && own.ino === there.ino
  }
}

/** @throws NotOurs */
function refuseOther(path: string, expected: string | undefined, device: string): void {
  if (expected !== undefined && device !== expected)
    throw new NotOurs(`${path}: on another device than before: expected ${expected}, got ${device}`)
}

/** A link is not followed, but for those of /dev, by which volumes have their names; nothing waits for the other end of a pipe. */
function openOrMake(path: string): number {
  // Without O_CREAT it means that nobody else has the device: no file system, no other volume.
  if (path.startsWith('/dev/')) return openSync(path, O_RDWR | O_DSYNC | O_EXCL)
  try {
    return openSync(path, O_RDWR | O_DSYNC | O_NOFOLLOW | O_NONBLOCK)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
    return openSync(path, O_RDWR | O_DSYNC | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
  }
}

/** @throws NotOurs */
function examined(file: number, path: string): { readonly size: number; readonly isMade: boolean } {
  const found = fstatSync(file)
  const isDevice = found.isBlockDevice()
  if (!isDevice && !found.isFile()) throw new NotOurs(`${path}: neither a file nor a block device`)
  if (!isDevice && found.nlink > 1) throw new NotOurs(`${path}: has other names too`)
  const first = readUpTo(file, blankBytes)
  const isMarked = first.subarray(0, mark.length).toString('latin1') === mark
  if (!isMarked && first.some((byte) => byte !== 0))
    throw new NotOurs(`${path}: holds something that is not the canary's`)
  if (first.length > 0 && first.length < blockBytes) throw new NotOurs(`${path}: smaller than ${blockBytes} bytes`)
  // As long as what we make: it may be left from an earlier life.
  return { size: first.length, isMade: !isDevice && first.length <= blockBytes }
}

function readUpTo(file: number, most: number): Buffer {
  const buffer = Buffer.alloc(most)
  let length = 0
  while (length < most) {
    const got = readSync(file, buffer, length, most - length, length)
    if (got === 0) break
    length += got
  }
  return buffer.subarray(0, length)
}

/** Another one each time, so that no storage can find it has it already. */
function filled(block: Buffer, count: number): Buffer {
  block.fill(0)
  block.write(`${mark}${count}\n`, 'latin1')
  return block
}

function writeWhole(file: number, block: Buffer): void {
  const written = writeSync(file, block, 0, block.length, 0)
  if (written !== block.length) throw new Error(`wrote ${written} of ${block.length} bytes`)
}
