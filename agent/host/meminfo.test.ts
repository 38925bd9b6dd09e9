import { expect, test } from 'vitest'

import { parseMeminfo } from './meminfo.js'

test('a current kernel', () => {
  const text = `MemTotal:       24684084 kB
MemFree:        24367716 kB
MemAvailable:   24342068 kB
Buffers:           12345 kB
SwapTotal:       1048576 kB
SwapFree:        1048000 kB
HugePages_Total:       0
`
  expect(parseMeminfo(text)).toEqual({
    memoryBytes: 24684084 * 1024,
    memoryFreeBytes: 24367716 * 1024,
    memoryAvailableBytes: 24342068 * 1024,
    swapBytes: 1024 ** 3,
    swapFreeBytes: 1048000 * 1024,
  })
})

test('before Linux 3.14: no MemAvailable; without swap: no Swap lines', () => {
  expect(parseMeminfo('MemTotal: 1 kB\nMemFree: 1 kB\n')).toEqual({ memoryBytes: 1024, memoryFreeBytes: 1024 })
})

test.each([
  ['', '/proc/meminfo:1: expected a line MemTotal'],
  ['MemFree: 1 kB\n', '/proc/meminfo:1: expected a line MemTotal'],
  ['MemTotal: 1 kB\nMemFree: -1 kB\n', '/proc/meminfo:2: expected a count in column 2, got "-1"'],
  ['MemTotal:\n', '/proc/meminfo:1: expected a count in column 2, got ""'],
  ['MemTotal: 12 MB\n', '/proc/meminfo:1: expected kB after the value, got "MemTotal: 12 MB"'],
  ['MemTotal: 99999999999999999 kB\n', 'expected a count'],
])('%j is refused', (text, message) => {
  expect(() => parseMeminfo(text)).toThrow(message)
})
