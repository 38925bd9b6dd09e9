import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { ColumnBlock } from './column-block.js'

/** Rows as `[time, value of field 1, value of field 2]`. */
function rows(block: ColumnBlock): number[][] {
  return Array.from({ length: block.length }, (_, index) => [
    block.timeAt(index),
    block.valueAt(1, index),
    block.valueAt(2, index),
  ])
}

test('keeps points in order, merges those of one time, and says what was new', () => {
  const block = new ColumnBlock()
  expect(block.put(20, [1], [2])).toEqual({ newPoint: true, newCells: 1 })
  expect(block.put(10, [2], [1])).toEqual({ newPoint: true, newCells: 1 })
  expect(block.put(20, [1, 2], [3, 4])).toEqual({ newPoint: false, newCells: 1 })
  expect(rows(block)).toEqual([
    [10, NaN, 1],
    [20, 3, 4],
  ])
  expect([block.firstMs, block.lastMs]).toEqual([10, 20])
})

test('is empty at first', () => {
  const block = new ColumnBlock()
  expect([block.length, block.firstMs, block.lastMs, block.lowerBound(5)]).toEqual([0, Infinity, -Infinity, 0])
})

const puts = fc.array(fc.tuple(fc.integer({ min: 0, max: 60 }), fc.constantFrom(1, 2), fc.integer()), {
  maxLength: 120,
})

test('holds what a map by time holds, in any order of puts and merges', () => {
  fc.assert(
    fc.property(puts, puts, (first, second) => {
      const expected = new Map<number, Map<number, number>>()
      const blocks = [first, second].map((list) => {
        const block = new ColumnBlock()
        for (const [atMs, field, value] of list) {
          block.put(atMs, [field], [value])
          expected.set(atMs, (expected.get(atMs) ?? new Map<number, number>()).set(field, value))
        }
        return block
      })
      const [merged, other] = blocks
      if (merged === undefined || other === undefined) throw new Error('two blocks')
      merged.merge(other, 0, other.length)
      const times = [...expected.keys()].sort((a, b) => a - b)
      expect(rows(merged)).toEqual(
        times.map((at) => [at, expected.get(at)?.get(1) ?? NaN, expected.get(at)?.get(2) ?? NaN]),
      )
      for (const at of [0, 17, 61]) expect(merged.lowerBound(at)).toBe(times.filter((time) => time < at).length)
    }),
  )
})
