import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { decodeChunk, encodeChunk } from './chunk-codec.js'
import { ColumnBlock } from './column-block.js'

function cells(block: ColumnBlock, fields: readonly number[]): number[][] {
  return Array.from({ length: block.length }, (_, row) => [
    block.timeAt(row),
    ...fields.map((field) => block.valueAt(field, row)),
  ])
}

const value = fc.oneof(fc.constantFrom(0, -0, 1, 2 ** 53, Number.MIN_VALUE, 1e300), fc.double({ noNaN: true }))
const point = fc.tuple(
  fc.oneof(fc.integer({ min: 0, max: 2000 }), fc.integer({ min: 0, max: 253_402_300_799_999 })),
  fc.uniqueArray(fc.constantFrom(1, 300, 65_535), { minLength: 1 }),
  value,
)

test('gives back every bit, whatever the times, values and gaps', () => {
  fc.assert(
    fc.property(fc.array(point, { minLength: 1, maxLength: 80 }), fc.boolean(), (points, constant) => {
      const block = new ColumnBlock()
      for (const [atMs, fields, one] of points)
        block.put(
          atMs,
          fields,
          fields.map(() => (constant ? -0 : one)),
        )
      const decoded = decodeChunk(encodeChunk(block, 0, block.length))
      expect(cells(decoded, [1, 300, 65_535])).toEqual(cells(block, [1, 300, 65_535]))
    }),
  )
})

function steadyBlock(): ColumnBlock {
  const block = new ColumnBlock()
  for (let row = 0; row < 360; row += 1) block.put(1_772_359_200_000 + row * 10_000, [1, 2], [row % 7, 4096])
  return block
}

test('reads only the asked columns, and encodes only the asked rows', () => {
  const decoded = decodeChunk(encodeChunk(steadyBlock(), 10, 13), new Set([1]))
  expect(cells(decoded, [1, 2])).toEqual([
    [1_772_359_300_000, 3, NaN],
    [1_772_359_310_000, 4, NaN],
    [1_772_359_320_000, 5, NaN],
  ])
})

test('takes about a byte for a time on a steady beat, and next to nothing for a value that stays', () => {
  expect(encodeChunk(steadyBlock(), 0, 360).length).toBeLessThan(360 + 360)
})

test('finds every flipped byte', () => {
  const chunk = encodeChunk(steadyBlock(), 0, 20)
  for (let index = 0; index < chunk.length; index += 1) {
    const damaged = Buffer.from(chunk)
    damaged[index] = (damaged[index] ?? 0) ^ 1
    expect(() => decodeChunk(damaged)).toThrow('damaged')
  }
  expect(() => decodeChunk(chunk.subarray(0, 3))).toThrow('damaged')
})
