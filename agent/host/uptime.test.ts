import { expect, test } from 'vitest'

import { parseUptime } from './uptime.js'

test.each([
  ['350735.47 234388.90\n', 350735.47],
  // 208 days and more
  ['17971200.00 1.00', 17_971_200],
  ['12', 12],
])('%j', (text, uptimeSeconds) => {
  expect(parseUptime(text)).toEqual({ uptimeSeconds })
})

test.each(['', '\n\n', 'up', '-3.5 1', '1e400 1'])('%j is refused', (text) => {
  expect(() => parseUptime(text)).toThrow(/^\/proc\/uptime:1: expected/)
})
