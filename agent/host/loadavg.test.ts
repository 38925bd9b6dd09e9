import { expect, test } from 'vitest'

import { parseLoadavg } from './loadavg.js'

test.each([
  ['0.20 0.18 0.12 1/80 11206\n', { load1: 0.2, load5: 0.18, load15: 0.12 }],
  ['1024.50 3 0.00', { load1: 1024.5, load5: 3, load15: 0 }],
])('%j', (text, expected) => {
  expect(parseLoadavg(text)).toEqual(expected)
})

test.each([
  ['', '/proc/loadavg:1: expected three load averages'],
  ['0.2 0.1', '/proc/loadavg:1: expected a number in column 3, got ""'],
  ['0.2 -0.1 0.3', 'column 2, got "-0.1"'],
  ['nan nan nan', 'column 1, got "nan"'],
])('%j is refused', (text, message) => {
  expect(() => parseLoadavg(text)).toThrow(message)
})
