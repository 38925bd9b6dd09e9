import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { decodeChunk, encodeChunk } from './chunk-codec.js'
import { ColumnBlock } from './column-block.js'

const t0 = 1_772_359_200_000

function cells(block: ColumnBlock, fields: readonly number[]): number[][] {
  return Array.from({ length: block.length }, (_, row) => [
    block.timeAt(row),
    ...fields.map((field) => block.valueAt(field, row)),
  ])
}

const odd = [0, -0, 1, 2 ** 53, 2 ** 50, 2 ** 50 + 1, Number.MIN_VALUE, 1e300, 1e9 + 0.000_001, 1e-7]
const value = fc.oneof(
  fc.constantFrom(...odd),
  fc.double({ noNaN: true }),
  fc.integer(),
  fc.integer({ min: 0, max: 5_000_000 }).map((millionths) => millionths / 1e6),
  fc.integer({ min: 0, max: 100_000 }).map((count) => (count * 512) / 10.003),
)
const point = fc.tuple(
  fc.oneof(fc.integer({ min: 0, max: 2000 }), fc.integer({ min: 0, max: 253_402_300_799_999 })),
  fc.uniqueArray(fc.constantFrom(1, 300, 65_535), { minLength: 1 }),
  value,
)

test('gives back every bit, whatever the times, values and gaps', () => {
  fc.assert(
    fc.property(
      fc.array(point, { minLength: 1, maxLength: 80 }),
      fc.boolean(),
      fc.constantFrom(-Infinity, -5, 1000),
      (points, constant, previousMs) => {
        const block = new ColumnBlock()
        for (const [atMs, fields, one] of points)
          block.put(
            atMs,
            fields,
            fields.map(() => (constant ? -0 : one)),
          )
        const decoded = decodeChunk(encodeChunk(block, 0, block.length, previousMs))
        expect(cells(decoded, [1, 300, 65_535])).toEqual(cells(block, [1, 300, 65_535]))
      },
    ),
    { numRuns: 300 },
  )
})

/** Rates as they come: whole counts over seconds that are never quite the same. */
function rates(rows: number): ColumnBlock {
  const block = new ColumnBlock()
  let before = t0 - 10_001
  for (let row = 0; row < rows; row += 1) {
    const atMs = t0 + row * 10_000 + ((row * 13) % 7)
    const seconds = (atMs - before) / 1000
    const requests = (row * 7919) % 64
    block.put(atMs, [1, 2], [(requests * 4096) / seconds, ((row * 104_729) % 1_000_000) / 1e6])
    if (row % 3 === 0) block.put(atMs, [3], [((row * 31) % 512) << 12])
    before = atMs
  }
  return block
}

test('takes no more bits for a rate than for what was counted, for a time or a share than for its millionths', () => {
  const rows = 360
  const block = rates(rows)
  const one = encodeChunk(block, 0, rows, t0 - 10_001)
  const bits = rows * (6 + 20 + 9 / 3 + 1 + 4)
  // And some bytes for each 32 values.
  expect(one.length).toBeLessThan(bits / 8 + 12 * 4 * 5)
  expect(cells(decodeChunk(one), [1, 2, 3])).toEqual(cells(block, [1, 2, 3]))
})

test('a rate whose interval is not that of the rows is kept as it is', () => {
  const block = rates(100)
  block.put(block.timeAt(50), [1], [Math.PI])
  const decoded = decodeChunk(encodeChunk(block, 0, 100))
  expect(cells(decoded, [1, 2, 3])).toEqual(cells(block, [1, 2, 3]))
  expect(encodeChunk(block, 0, 100).length).toBeLessThan(encodeChunk(rates(100), 0, 100).length + 20)
})

function steadyBlock(): ColumnBlock {
  const block = new ColumnBlock()
  for (let row = 0; row < 360; row += 1) block.put(t0 + row * 10_000, [1, 2], [row % 7, 4096])
  return block
}

test('reads only the asked columns, and encodes only the asked rows', () => {
  const decoded = decodeChunk(encodeChunk(steadyBlock(), 10, 13), new Set([1]))
  expect(cells(decoded, [1, 2])).toEqual([
    [t0 + 100_000, 3, NaN],
    [t0 + 110_000, 4, NaN],
    [t0 + 120_000, 5, NaN],
  ])
})

test('takes next to nothing for the times of a steady beat and for a value that stays', () => {
  expect(encodeChunk(steadyBlock(), 0, 360).length).toBeLessThan((360 * 3) / 8 + 150)
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

/** Recorded from the program of schema version 2. */
const formerChunk =
  '2UqdZQEoAAAAMQAAAAQAAQACiAAAAAIAAQgAAAAsAQYXAAAACQAFDQAAAAAA0HKNynlCopwBAAUGAAUGAAUGAAUGAAUGAAUGAAUGAAUGAAUGAAUGAAUGAAUG' +
  'AAVjmDTp9qTttxkmqW73vJ3H4Dnptmredhil6pkHkgNRDCoq21RytzGoeOZO2nabYZLKNs/buTDKc9JtkByIYvD0zAXJQIWgyjF1MYDsRRiEZALCEpAuqtt7' +
  '6NLtR89ef/j05dvP338ZGJmYWVjZODi5uHl4+QQEBAWFhIRFRERFxRjskYEDTgAAAAAAAAAAsEAREREREWNgoAAIKGgYmFjYODg1HIABACGEEEIIAAAAAAAA' +
  '4D8='

test('reads the chunks of the version before', () => {
  const expected = Array.from({ length: 40 }, (_, row) => [
    t0 + row * 10_000 + (row % 3),
    row / 7,
    4096,
    row % 4 === 0 ? -row : NaN,
    row % 5 === 0 ? 0.5 : NaN,
  ])
  const chunk = Buffer.from(formerChunk, 'base64')
  expect(cells(decodeChunk(chunk), [1, 2, 300, 9])).toEqual(expected)
  expect(cells(decodeChunk(chunk, new Set([2])), [1, 2])).toEqual(expected.map(([at]) => [at, NaN, 4096]))
})
