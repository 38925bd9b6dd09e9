import { expect, test } from 'vitest'

import { parseStat } from './cpu.js'

test('a current kernel', () => {
  const text = `cpu  4000 100 2000 90000 500 30 70 95 1460 40 0
cpu0 2000 50 1000 45000 250 15 35 45 730 20
cpu1 2000 50 1000 45000 250 15 35 50 730 20
intr 380415 0 0
ctxt 920577
`
  expect(parseStat(text, 100)).toEqual({
    cpuUserSeconds: 41,
    cpuSystemSeconds: 21,
    cpuIdleSeconds: 900,
    cpuIowaitSeconds: 5,
    cpuStealSeconds: 0.95,
    cpuGuestSeconds: 15,
    cpuThreads: 2,
  })
})

test('Linux 2.6.18 has no guest columns', () => {
  expect(parseStat('cpu  10 0 20 30 40 1 2 50\ncpu0 10 0 20 30 40 1 2 50\n', 100)).toEqual({
    cpuUserSeconds: 0.1,
    cpuSystemSeconds: 0.23,
    cpuIdleSeconds: 0.3,
    cpuIowaitSeconds: 0.4,
    cpuStealSeconds: 0.5,
    cpuThreads: 1,
  })
})

test('only four counts: the rest is absent', () => {
  expect(parseStat('cpu 1 2 3 4', 1)).toEqual({ cpuUserSeconds: 3, cpuSystemSeconds: 3, cpuIdleSeconds: 4 })
})

test.each([
  ['', '/proc/stat:1: expected a line that begins with cpu, got ""'],
  ['intr 1 2\n', '/proc/stat:1: expected a line that begins with cpu, got "intr 1 2\\n"'],
  ['cpu 1 2 3\n', '/proc/stat:1: expected four counts after cpu, got "cpu 1 2 3"'],
  ['btime 1\ncpu 1 -2 3 4 5\n', '/proc/stat:2: expected a count in column 3, got "-2"'],
  ['cpu 1 2 3 4 99999999999999999999\n', '/proc/stat:1: expected a count in column 6'],
  ['cpu a b c d\n', '/proc/stat:1: expected a count in column 2, got "a"'],
])('%j is refused', (text, message) => {
  expect(() => parseStat(text, 100)).toThrow(message)
})
