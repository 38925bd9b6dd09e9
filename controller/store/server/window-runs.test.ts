import { expect, test } from 'vitest'

import { RunLength, runsOf } from './window-runs.js'
import type { Window } from './window-table.js'

const minutes = 60_000

function windowsAt(tier: Window['tier'], kind: Window['kind'], ...starts: number[]): Window[] {
  return starts.map((start) => ({ tier, kind, startMs: start * minutes }))
}

function startsOf(windows: readonly Window[], most: number): string[] {
  return [...runsOf(windows, most)].map((run) =>
    run.map(({ tier, kind, startMs }) => `${tier} ${kind} ${startMs / minutes}`).join(', '),
  )
}

test('windows that follow one another are asked for together, of each tier and kind by itself', () => {
  const windows = [
    ...windowsAt('5m', 'vm', 0),
    ...windowsAt('5m', 'host', 0),
    ...windowsAt('1h', 'vm', 0),
    ...windowsAt('5m', 'vm', 5, 15),
  ]
  expect(startsOf(windows, 12)).toEqual(['5m vm 0, 5m vm 5', '5m vm 15', '5m host 0', '1h vm 0'])
})

test.each([
  { most: 12, tier: '5m', lengths: [12, 12, 6] },
  { most: 12, tier: '1h', lengths: [6, 6, 6, 6, 6] },
  { most: 5, tier: '5m', lengths: [5, 5, 5, 5, 5, 5] },
  { most: 1, tier: '1h', lengths: Array.from({ length: 30 }, () => 1) },
] as const)('at most so many at once: $most of $tier', ({ most, tier, lengths }) => {
  const width = tier === '5m' ? 5 : 60
  const windows = windowsAt(tier, 'vm', ...Array.from({ length: 30 }, (_, index) => index * width))
  expect([...runsOf(windows, most)].map((run) => run.length)).toEqual(lengths)
})

test('what fails is asked for in halves, down to one window, and in longer runs when that has worked for a while', () => {
  const length = new RunLength()
  const seen = [length.most]
  for (const windows of [12, 6, 3, 1]) {
    length.failed(windows)
    seen.push(length.most)
  }
  expect(seen).toEqual([12, 6, 3, 1, 1])
  for (let run = 0; run < 19; run += 1) length.done(1)
  expect(length.most).toBe(1)
  length.done(1)
  expect(length.most).toBe(2)
  // A short run says nothing of a longer one.
  for (let run = 0; run < 40; run += 1) length.done(1)
  expect(length.most).toBe(2)
  for (let run = 0; run < 80; run += 1) length.done(length.most)
  expect(length.most).toBe(12)
})
