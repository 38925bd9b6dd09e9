import { expect, it } from 'vitest'

import { choicesOf, endWords, missingTitle, spanWords, wayWords } from './plan-words.js'

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

it.each([
  ['stopped', 'www is gone', 'It stopped: www is gone'],
  ['stopped', 'by ann', 'It was stopped by ann'],
  ['cancelled', 'by ann', 'It was given up by ann'],
  ['cancelled', 'the window for www is closed', 'It ended: the window for www is closed'],
] as const)('says why a plan that is %s goes on no more: %s', (state, reason, words) => {
  expect(endWords({ state, reason })).toBe(words)
})

it('says that there is no plan only where the controller said so', () => {
  expect(missingTitle(7, false)).toBe('No plan 7')
  expect(missingTitle(7, true)).toBe('Plan 7 could not be read')
})
