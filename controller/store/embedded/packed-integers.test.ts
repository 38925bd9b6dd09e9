import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { ByteReader, ByteWriter } from './byte-stream.js'
import { isPackable, maxPacked, readIntegers, writeIntegers } from './packed-integers.js'

function written(values: readonly number[]): Buffer {
  const out = new ByteWriter(1)
  writeIntegers(out, values)
  return out.finished()
}

const whole = fc.oneof(
  fc.integer({ min: -5, max: 5 }),
  fc.integer(),
  fc.integer({ min: -maxPacked, max: maxPacked }),
  fc.constantFrom(0, 2 ** 31, 2 ** 32, 2 ** 32 - 1, maxPacked, -maxPacked),
)

test('gives back whole numbers of any size, in any order', () => {
  fc.assert(
    fc.property(fc.array(whole, { maxLength: 100 }), (values) => {
      const input = new ByteReader(written(values))
      expect([...readIntegers(input, values.length)]).toEqual(values)
      expect(input.left).toBe(0)
    }),
  )
})

test('takes as many bits as the values need', () => {
  const noise = Array.from({ length: 320 }, (_, index) => 1_000_000 + ((index * 7919) % 128))
  expect(written(noise).length).toBeLessThan(320 + 10 * 6)
  const climbing = Array.from({ length: 320 }, (_, index) => 1e12 + index * 10_000)
  expect(written(climbing).length).toBeLessThan(60)
  expect(written(Array.from({ length: 320 }, () => 7)).length).toBeLessThan(25)
})

test('says what it cannot pack', () => {
  expect([0, -7, maxPacked].every(isPackable)).toBe(true)
  expect([0.5, -0, NaN, Infinity, maxPacked + 1].some(isPackable)).toBe(false)
})

test('damaged bytes are an error, not a number', () => {
  const bytes = written([1, 2, 300, 4])
  expect(() => readIntegers(new ByteReader(bytes.subarray(0, 4)), 4)).toThrow('too early')
  expect(() => readIntegers(new ByteReader(Buffer.from([0, 1, 200])), 4)).toThrow('width')
  expect(() => readIntegers(new ByteReader(Buffer.alloc(20, 255)), 4)).toThrow('damaged')
})
