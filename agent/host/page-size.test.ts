import { expect, test } from 'vitest'

import { createLocalFiles } from './local-files.js'
import { parsePageBytes, readPageBytes } from './page-size.js'

function auxv(...pairs: readonly (readonly [bigint, bigint])[]): Buffer {
  const buffer = Buffer.alloc(pairs.length * 16)
  for (const [index, [key, value]] of pairs.entries()) {
    buffer.writeBigUInt64LE(key, index * 16)
    buffer.writeBigUInt64LE(value, index * 16 + 8)
  }
  return buffer
}

test.each([
  [auxv([33n, 1n], [6n, 65536n], [0n, 0n]), 65536],
  [auxv([6n, 5000n]), undefined],
  [auxv([6n, 2n ** 63n]), undefined],
  [auxv([0n, 0n]), undefined],
  [Buffer.alloc(7), undefined],
])('case %#', (bytes, expected) => {
  expect(parsePageBytes(bytes)).toBe(expected)
})

test('no such file: the usual size', async () => {
  expect(await readPageBytes('/nonexistent', createLocalFiles())).toBe(4096)
})
