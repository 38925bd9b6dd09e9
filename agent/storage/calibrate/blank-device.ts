import { readSync } from 'node:fs'

import { blockBytes } from '../direct-file.js'

/** At the beginning of a device while it is calibrated, for who looks what it is. It proves nothing: what follows it is looked at all the same. */
export const mark =
  'headroom calibration: this device is for measuring how its array takes writes, and holds nothing else\n'
/** At the beginning of each block that a calibration writes: what is left of an earlier one is known by it. */
export const signature = Buffer.from('headroom scratch', 'latin1')
/** From here to `tailBytes` before its end a calibration writes; nowhere else. */
export const headBytes = 256 * 1024
/** File systems, volumes, partitions and md have their signatures at one of the ends. */
export const tailBytes = 1024 * 1024
/** And here and there between them it is looked. */
const samples = 256
const lookBytes = 64 * 1024

/**
 * Where a device holds something that is not left of a calibration; undefined: nowhere, as far as is looked.
 * @param file open for reading
 * @returns bytes from its beginning
 */
export function foreignAt(file: number, sizeBytes: number): number | undefined {
  const isEmpty = (block: Buffer): boolean => block.every((byte) => byte === 0)
  const isOurs = (block: Buffer): boolean => isEmpty(block) || block.subarray(0, signature.length).equals(signature)
  const isHead = (block: Buffer): boolean =>
    isEmpty(block.toString('latin1', 0, mark.length) === mark ? block.subarray(mark.length) : block)
  const between = sizeBytes - headBytes - tailBytes - lookBytes
  const middle = Array.from({ length: samples }, (_, index) => {
    const place = headBytes + Math.floor((between / (samples - 1)) * index)
    return place - (place % blockBytes)
  })
  return (
    differsAt(file, 0, blockBytes, isHead) ??
    differsAt(file, blockBytes, headBytes, isEmpty) ??
    differsAt(file, sizeBytes - tailBytes, sizeBytes, isEmpty) ??
    firstOf(middle, (place) => differsAt(file, place, place + lookBytes, isOurs))
  )
}

/** The first block of a range that is not as it should be. @throws Error if it cannot be read whole */
function differsAt(file: number, from: number, to: number, isFit: (block: Buffer) => boolean): number | undefined {
  for (let place = from; place < to; place += blockBytes) {
    const block = Buffer.alloc(Math.min(blockBytes, to - place))
    const bytes = readSync(file, block, 0, block.length, place)
    if (bytes !== block.length) throw new Error(`read ${bytes} of ${block.length} bytes at ${place}`)
    if (!isFit(block)) return place
  }
  return undefined
}

function firstOf(places: readonly number[], look: (place: number) => number | undefined): number | undefined {
  for (const place of places) {
    const found = look(place)
    if (found !== undefined) return found
  }
  return undefined
}

/** A device's own size is not that of its file: it is where reading ends. */
export function deviceBytes(file: number): number {
  let [low, high] = [0, 2 ** 50]
  const buffer = Buffer.alloc(1)
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (readSync(file, buffer, 0, 1, middle) === 1) low = middle + 1
    else high = middle
  }
  return low
}
