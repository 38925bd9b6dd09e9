import { describe, expect, test } from 'vitest'

import { countAt, decimalAt, firstLine, MalformedFile, procLines } from './proc-text.js'

const line = (text: string) => firstLine('/proc/x', text, 'a line')

describe('countAt', () => {
  test.each([
    ['0', 0],
    ['9007199254740991', 2 ** 53 - 1],
  ])('%s', (text, expected) => {
    expect(countAt(line(text), 0)).toBe(expected)
  })

  test.each(['-1', '1.5', '1e3', '0x10', 'NaN', 'Infinity', '9007199254740992', '18446744073709551615', 'abc'])(
    'refuses %s with its place',
    (text) => {
      expect(() => countAt(line(`\n\n${text}`), 0)).toThrow(
        new MalformedFile('/proc/x', 3, 'a count in column 1', text),
      )
    },
  )

  test('refuses a column that is not there', () => {
    expect(() => countAt(line('1'), 1)).toThrow('/proc/x:1: expected a count in column 2, got ""')
  })
})

test.each(['-0.5', 'nan', '1e9', '', '.5', '1234567890123456'])('decimalAt refuses %j', (text) => {
  expect(() => decimalAt({ file: 'f', number: 1, text, columns: [text] }, 0)).toThrow(MalformedFile)
})

test('lines keep their numbers across blank ones', () => {
  expect(procLines('f', 'a b\n\n  c\n').map(({ number, columns }) => [number, columns])).toEqual([
    [1, ['a', 'b']],
    [3, ['c']],
  ])
})

test('a long value is cut in the message', () => {
  expect(() => countAt(line('x'.repeat(10_000)), 0)).toThrow(/^.{0,120}$/)
})
