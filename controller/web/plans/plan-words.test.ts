import { expect, it } from 'vitest'

import { choicesOf, spanWords, wayWords } from './plan-words.js'

it.each([
  ['live', 'command', 'while it runs'],
  ['live', 'person', 'while it runs, by hand'],
  ['cold-copy', 'person', 'off, with a copy of its disks, by hand'],
] as const)('says how: %s by %s', (kind, by, words) => {
  expect(wayWords({ kind, by })).toBe(words)
})

it('says one time where it is one', () => {
  expect(spanWords({ leastMs: 2000, mostMs: 2000 })).toBe('2s')
  expect(spanWords({ leastMs: 2000, mostMs: 90_000 })).toBe('2s to 1m 30s')
})

it('offers what a plan in that state can take', () => {
  expect(choicesOf('proposed')).toEqual({ apply: 'Approve and begin', stop: 'Give it up' })
  expect(choicesOf('applying')).toEqual({ stop: 'Stop after this move' })
  expect(choicesOf('done')).toEqual({})
})
