import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { nanosecondsToSeconds, XdrError, XdrReader, XdrWriter } from './xdr.js'

describe('round trips', () => {
  it('gives back every value, in order, and pads to four bytes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
        fc.nat(2 ** 32 - 1),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        fc.double({ noNaN: true }),
        fc.string({ unit: 'grapheme' }),
        fc.uint8Array({ maxLength: 40 }),
        fc.option(fc.string(), { nil: undefined }),
        fc.array(fc.nat(1000)),
        (int, uint, hyper, unsignedHyper, double, string, opaque, optional, list) => {
          const bytes = new XdrWriter()
            .int(int)
            .uint(uint)
            .hyper(hyper)
            .unsignedHyper(unsignedHyper)
            .double(double)
            .string(string)
            .opaque(opaque)
            .optional(optional, (writer, value) => writer.string(value))
            .array(list, (writer, item) => writer.uint(item))
            .bytes()
          expect(bytes.length % 4).toBe(0)
          const reader = new XdrReader(bytes)
          expect(reader.int()).toBe(int)
          expect(reader.uint()).toBe(uint)
          expect(reader.hyper()).toBe(hyper)
          expect(reader.unsignedHyper()).toBe(unsignedHyper)
          expect(reader.double()).toBe(double)
          expect(reader.string()).toBe(string)
          expect([...reader.opaque(opaque.length)]).toEqual([...opaque])
          expect(reader.optional((inner) => inner.string())).toBe(optional)
          expect(reader.array(100, 4, (inner) => inner.uint())).toEqual(list)
          expect(reader.remaining).toBe(0)
        },
      ),
    )
  })
})

describe('hostile bytes', () => {
  const word = (value: number): Buffer => new XdrWriter().uint(value).bytes()

  it.each([
    ['a string longer than what came', () => new XdrReader(word(0x7f_ff_ff_ff)).string()],
    ['a string longer than allowed', () => new XdrReader(Buffer.concat([word(9), Buffer.alloc(12)])).string(8)],
    ['a string without its padding', () => new XdrReader(Buffer.concat([word(1), Buffer.alloc(1)])).string()],
    ['a list that promises more than came', () => new XdrReader(word(1_000_000)).array(2 ** 30, 4, (r) => r.int())],
    [
      'a list longer than allowed',
      () => new XdrReader(Buffer.concat([word(3), Buffer.alloc(12)])).array(2, 4, (r) => r.int()),
    ],
    ['a number cut short', () => new XdrReader(Buffer.alloc(7)).hyper()],
  ])('refuses %s', (_, read) => {
    expect(read).toThrow(XdrError)
  })

  it('never reads past the end, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const reader = new XdrReader(Buffer.from(bytes))
        const error = errorOf(() =>
          reader.array(64, 8, (inner) => [inner.string(32), inner.optional((deeper) => deeper.hyper())]),
        )
        expect(error === undefined || error instanceof XdrError).toBe(true)
        expect(reader.remaining).toBeGreaterThanOrEqual(0)
      }),
    )
  })
})

it.each([
  [0n, 0],
  [1n, 1e-9],
  [1_500_000_000n, 1.5],
  // 400 days of CPU time: past what a double can count in nanoseconds.
  [34_560_000_123_456_789n, 34_560_000.123_456_79],
  // What cannot be told apart any more is less than a microsecond.
  [9_000_000_000_000_000_001n, 9_000_000_000],
])('%s ns are %s s', (nanoseconds, seconds) => {
  expect(nanosecondsToSeconds(nanoseconds)).toBeCloseTo(seconds, 6)
})

function errorOf(work: () => unknown): unknown {
  try {
    work()
    return undefined
  } catch (error) {
    return error
  }
}
