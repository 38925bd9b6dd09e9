import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  statfsSync,
  unlinkSync,
  write,
  writeSync,
} from 'node:fs'
import { basename, dirname } from 'node:path'
import { promisify } from 'node:util'

import { formatBytes } from '../../../common/units.js'
import { blockBytes, openDirect } from '../direct-file.js'
import { deviceBytes, foreignAt, headBytes, mark, signature, tailBytes } from './blank-device.js'
import { sharedPoolOf } from './shared-pool.js'

/** Where a calibration writes. */
export type ScratchPlace =
  /** A file that is not there yet. */
  | { readonly kind: 'file'; readonly path: string; readonly sizeBytes: number }
  /** A device, such as a logical volume, that holds nothing. */
  | { readonly kind: 'device'; readonly path: string }

/** It must not be written there; nothing was. */
export class NotForScratch extends Error {
  override readonly name = 'NotForScratch'
}

export interface Scratch {
  readonly sizeBytes: number
  /** Past the page cache. */
  readonly isDirect: boolean
  /** The next piece, from the beginning again at the end; resolves when it is on stable storage. One at a time. */
  write(): Promise<void>
  /** A small write beside it; resolves when it is on stable storage. One at a time. */
  canary(): Promise<void>
  close(): void
}

export const pieceBytes = 256 * 1024
export const leastScratchBytes = 64 * 1024 * 1024

/** Of a file system: so much of it stays free. */
const freeShare = 0.1

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW, O_DSYNC } = constants
const writeAt = promisify(write)

/** What would be done there. @throws NotForScratch, or the file system's error */
export function checkScratch(place: ScratchPlace): { readonly sizeBytes: number } {
  if (place.kind === 'file') return { sizeBytes: checkedFile(place) }
  const file = openedAlone(place.path, O_RDONLY)
  try {
    return { sizeBytes: checkedDevice(file, place.path) }
  } finally {
    closeSync(file)
  }
}

/**
 * A file has no name any more once it is open: however this program ends, nothing of it is left. A device has our mark while it is written to;
 * what was written stays, and is known by its signature the next time.
 * @throws NotForScratch, or the file system's error
 */
export function openScratch(place: ScratchPlace): Scratch {
  if (place.kind === 'device') return openDevice(place.path)
  const sizeBytes = checkedFile(place)
  const file = madeWithoutName(place.path, sizeBytes)
  try {
    const canary = madeWithoutName(`${place.path}.canary`, blockBytes)
    return new OpenScratch(file, canary, { sizeBytes, canaryAt: 0, isMarked: false })
  } catch (error) {
    closeSync(file)
    throw error
  }
}

/** What is looked at is what is written to: one descriptor for both. */
function openDevice(path: string): Scratch {
  const file = openedAlone(path, O_RDWR | O_DSYNC)
  try {
    const sizeBytes = checkedDevice(file, path)
    writeHead(file, mark)
    const last = sizeBytes - tailBytes - blockBytes
    return new OpenScratch(file, file, { sizeBytes, canaryAt: last - (last % blockBytes), isMarked: true })
  } catch (error) {
    closeSync(file)
    throw error
  }
}

/** Without O_CREAT it means that nobody else has the device: no file system, no volume. */
function openedAlone(path: string, flags: number): number {
  return openSync(path, flags | O_EXCL)
}

function writeHead(file: number, text: string): void {
  const head = Buffer.alloc(blockBytes)
  head.write(text, 'latin1')
  writeSync(file, head, 0, head.length, 0)
}

interface Layout {
  readonly sizeBytes: number
  readonly canaryAt: number
  /** It has our mark, which goes when it is closed. */
  readonly isMarked: boolean
}

class OpenScratch implements Scratch {
  readonly sizeBytes: number
  readonly isDirect: boolean
  readonly #piece: Opened
  readonly #canary: Opened
  readonly #pieces: number
  #count = 0
  #place = 0

  constructor(
    private readonly file: number,
    private readonly canaryFile: number,
    private readonly layout: Layout,
  ) {
    this.sizeBytes = layout.sizeBytes
    this.#pieces = Math.floor((layout.sizeBytes - headBytes - tailBytes - blockBytes) / pieceBytes)
    this.#piece = opened(file, pieceBytes)
    this.#canary = opened(canaryFile, blockBytes)
    this.isDirect = this.#piece.direct !== undefined && this.#canary.direct !== undefined
  }

  async write(): Promise<void> {
    const place = headBytes + this.#place * pieceBytes
    this.#place = (this.#place + 1) % this.#pieces
    await this.#write(this.#piece, place)
  }

  canary(): Promise<void> {
    return this.#write(this.#canary, this.layout.canaryAt)
  }

  async #write({ file, block }: Opened, place: number): Promise<void> {
    this.#count += 1
    // Another one each time and in each block: no storage has it already.
    for (let at = 0; at < block.length; at += blockBytes) {
      signature.copy(block, at)
      block.writeDoubleLE(this.#count + at, at + signature.length)
    }
    const { bytesWritten } = await writeAt(file, block, 0, block.length, place)
    if (bytesWritten !== block.length) throw new Error(`wrote ${bytesWritten} of ${block.length} bytes`)
  }

  close(): void {
    try {
      if (this.layout.isMarked) writeHead(this.file, '')
    } catch {
      // The device has failed: that was told by its other writes. With the mark it is still one that holds nothing.
    }
    for (const { direct } of [this.#piece, this.#canary]) if (direct !== undefined) closeSync(direct)
    if (this.canaryFile !== this.file) closeSync(this.canaryFile)
    closeSync(this.file)
  }
}

interface Opened {
  readonly file: number
  readonly direct: number | undefined
  readonly block: Buffer
}

function opened(file: number, bytes: number): Opened {
  const memory = Buffer.allocUnsafeSlow(bytes + blockBytes)
  randomBytes(memory.length).copy(memory)
  const direct = openDirect(file, memory, (descriptor, block) => {
    const head = Buffer.from(block)
    block.fill(0)
    block.write(mark, 'latin1')
    writeSync(descriptor, block, 0, block.length, 0)
    head.copy(block)
  })
  const from = direct?.offset ?? 0
  return { file: direct?.file ?? file, direct: direct?.file, block: memory.subarray(from, from + bytes) }
}

function checkedFile({ path, sizeBytes }: { readonly path: string; readonly sizeBytes: number }): number {
  if (sizeBytes < leastScratchBytes) throw new NotForScratch(`at least ${formatBytes(leastScratchBytes)} are needed`)
  for (const one of [path, `${path}.canary`]) {
    if (existsSync(one) || isLink(one)) throw new NotForScratch(`${one}: is there already; name a file that is not`)
  }
  if (basename(path) === '') throw new NotForScratch(`${path}: expected the path of a file`)
  const { bavail, blocks, bsize } = statfsSync(dirname(path))
  if (bavail * bsize - sizeBytes < freeShare * blocks * bsize) {
    const free = formatBytes(bavail * bsize)
    throw new NotForScratch(
      `${dirname(path)}: ${free} are free; after ${formatBytes(sizeBytes)} a tenth has to be left`,
    )
  }
  return sizeBytes
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

/** Its name is gone at once, and so it is itself when it is closed. */
function madeWithoutName(path: string, bytes: number): number {
  const file = openSync(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_DSYNC, 0o600)
  try {
    unlinkSync(path)
    ftruncateSync(file, bytes)
    return file
  } catch (error) {
    closeSync(file)
    throw error
  }
}

/** @returns its size, bytes */
function checkedDevice(file: number, path: string): number {
  const device = fstatSync(file)
  if (!device.isBlockDevice()) throw new NotForScratch(`${path}: is no block device`)
  const pool = sharedPoolOf(device.rdev)
  if (pool !== undefined)
    throw new NotForScratch(`${path}: takes its space from ${pool} as it is written to, and others would be without it`)
  const sizeBytes = deviceBytes(file)
  if (sizeBytes < leastScratchBytes) {
    throw new NotForScratch(
      `${path}: has ${formatBytes(sizeBytes)}; at least ${formatBytes(leastScratchBytes)} are needed`,
    )
  }
  const at = foreignAt(file, sizeBytes)
  if (at !== undefined)
    throw new NotForScratch(`${path}: holds something at byte ${at}; only a blank device is written to`)
  return sizeBytes
}
