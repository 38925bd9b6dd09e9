import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { emptyAggregate, resultOf } from './aggregate.js'
import { ByteReader, ByteWriter } from './byte-stream.js'
import { exactQuantile, sketchError } from './sketch.js'
import { Summaries, summaryOf, writeSummaries, type Summary } from './summaries.js'
import { aggregations } from '../time-series.js'

function reread(list: readonly Summary[], bits: number): Summaries {
  const out = new ByteWriter()
  writeSummaries(out, list, bits)
  const input = new ByteReader(Buffer.from(out.finished()))
  const read = new Summaries(input, list.length, bits)
  expect(input.left).toBe(0)
  return read
}

const number = fc.oneof(
  fc.constantFrom(0, 1, 0.5, 2 ** 40 + 4096),
  fc.double({ min: -1e300, max: 1e300, noNaN: true }),
  fc.double({ min: 0, max: 1000, noNaN: true }),
)
const values = fc.oneof(
  fc.array(number, { minLength: 1, maxLength: 60 }),
  fc.tuple(number, fc.integer({ min: 1, max: 400 })).map(([value, count]) => Array<number>(count).fill(value)),
)

const bitsOf = fc.constantFrom(16, 32)

test('keeps each figure to the bits it is given, and a p95 within the error of the sketch', () => {
  fc.assert(
    fc.property(fc.array(values, { minLength: 1, maxLength: 20 }), bitsOf, (lists, bits) => {
      const given = lists.map((list) => {
        const summary = summaryOf(Float64Array.from(list))
        if (summary === undefined) throw new Error('no values')
        return summary
      })
      const read = reread(given, bits)
      const error = 2 ** -(bits + 1)
      const near = (got: number, expected: number): boolean =>
        Math.abs(got - expected) <= Math.abs(expected) * error * 1.001 + 1e-300
      for (const [index, summary] of given.entries()) {
        const got = read.at(index)
        expect(got.count).toBe(summary.count)
        for (const name of ['sum', 'min', 'max', 'last'] as const)
          expect([name, got[name], near(got[name], summary[name])]).toEqual([name, got[name], true])
        const exact = exactQuantile([...(lists[index] ?? [])], 0.95) ?? NaN
        const { sum, count, min, max, last } = summary
        const expected = { mean: sum / count, sum, min, max, last, p95: exact }
        for (const aggregation of aggregations) {
          const into = emptyAggregate(aggregation)
          read.addTo(into, index, aggregation)
          const got = resultOf(into, aggregation) ?? NaN
          const allowed = aggregation === 'p95' ? sketchError : error
          const off = Math.abs(got - expected[aggregation])
          expect(off).toBeLessThanOrEqual(Math.abs(expected[aggregation]) * allowed * 1.001 + 1e-300)
        }
      }
    }),
    { numRuns: 300 },
  )
})

test('sketches of parts add up to the sketch of the whole', () => {
  fc.assert(
    fc.property(values, values, (first, second) => {
      const parts = [first, second].map((list) => summaryOf(Float64Array.from(list)))
      const into = emptyAggregate('p95')
      const read = reread(
        parts.filter((part) => part !== undefined),
        16,
      )
      for (let index = 0; index < read.length; index += 1) read.addTo(into, index, 'p95')
      const exact = exactQuantile([...first, ...second], 0.95) ?? NaN
      const got = resultOf(into, 'p95') ?? NaN
      // Where all values of a part are one, only its bits are known: near the edge of a bucket that may be the next one.
      expect(Math.abs(got - exact)).toBeLessThanOrEqual(Math.abs(exact) * (sketchError + 2 ** -16) + 1e-300)
    }),
  )
})

test('takes a few bytes for each summary of a value that trembles, and next to none for one that stays', () => {
  const list = (tremble: number): Summary[] =>
    Array.from({ length: 288 }, (_, step) =>
      summaryOf(Float64Array.from({ length: 30 }, (_, index) => 1000 + tremble * ((index * 7919 + step * 31) % 997))),
    ).filter((summary) => summary !== undefined)
  const size = (tremble: number): number => {
    const out = new ByteWriter()
    writeSummaries(out, list(tremble), 16)
    return out.length / 288
  }
  expect(size(0)).toBeLessThan(1)
  expect(size(0.1)).toBeLessThan(10)
  expect(size(1)).toBeLessThan(18)
})

test('has nothing to say of nothing', () => {
  expect(summaryOf(Float64Array.of(NaN, NaN))).toBeUndefined()
  expect(summaryOf(new Float64Array(0))).toBeUndefined()
})
