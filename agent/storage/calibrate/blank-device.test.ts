import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, it } from 'vitest'

import { foreignAt, headBytes, mark, signature, tailBytes } from './blank-device.js'

const MiB = 2 ** 20
/** Not a whole number of blocks, as a device's can be. */
const sizeBytes = 64 * MiB + 512
let directory: string
let file: number
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-blank-'))
  file = openSync(join(directory, 'device'), 'wx+')
  ftruncateSync(file, sizeBytes)
})
afterEach(() => {
  closeSync(file)
  rmSync(directory, { recursive: true })
})

const put = (text: string | Buffer, at: number): void => {
  writeSync(file, Buffer.from(text), 0, Buffer.byteLength(text), at)
}

/** As an earlier calibration left it, that was ended before it could take its mark away. */
function leftBefore(): void {
  put(mark, 0)
  const block = Buffer.alloc(4096, 7)
  signature.copy(block)
  for (let at = headBytes; at < sizeBytes - tailBytes - 4096; at += 4096) put(block, at)
}

it('takes a device that holds nothing, or what a calibration has left', () => {
  expect(foreignAt(file, sizeBytes)).toBeUndefined()
  leftBefore()
  expect(foreignAt(file, sizeBytes)).toBeUndefined()
  // The mark was taken away.
  put(Buffer.alloc(4096), 0)
  expect(foreignAt(file, sizeBytes)).toBeUndefined()
})

it.each<[string, () => void, number]>([
  ['in its first block, after the mark', () => put('EFI PART', 512), 0],
  ['at the place of a superblock', () => put('\x53\xef', 1080), 0],
  ['of btrfs', () => put('_BHRfS_M', 65_600), 65_536],
  ['at its end', () => put('EFI PART', sizeBytes - 512), sizeBytes - 4096],
  ['in its last megabyte', () => put('x', sizeBytes - tailBytes + 10), sizeBytes - tailBytes],
])('does not take our mark for proof: one that holds something %s', (_what, make, at) => {
  leftBefore()
  make()
  expect(foreignAt(file, sizeBytes)).toBe(at)
})

it('looks between its ends too', () => {
  leftBefore()
  put(Buffer.alloc(MiB, 'data'), 32 * MiB)
  const at = foreignAt(file, sizeBytes) ?? 0
  expect([at >= 32 * MiB, at < 33 * MiB]).toEqual([true, true])
})

it('takes no other text at its beginning', () => {
  put(mark.replace('nothing', 'something'), 0)
  expect(foreignAt(file, sizeBytes)).toBe(0)
})
