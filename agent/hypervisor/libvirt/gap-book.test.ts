import { expect, it } from 'vitest'

import { GapBook } from './gap-book.js'

it('says since when something has been missing, until it is there again', () => {
  const book = new GapBook()
  const miss = (vm: string | undefined, atMs: number): number => book.missing(vm, 'block', 'timeout', 'm', atMs).sinceMs
  expect([miss('a', 10), miss('a', 20), miss('b', 30), miss(undefined, 40)]).toEqual([10, 10, 30, 40])
  book.present('a', 'cpu')
  expect(miss('a', 50)).toBe(10)
  book.present('a', 'block')
  expect(miss('a', 60)).toBe(60)
  book.keepOnly(new Set(['a']))
  expect([miss('a', 70), miss('b', 70), miss(undefined, 70)]).toEqual([60, 70, 40])
})

it('names no VM for a gap of the whole host', () => {
  expect(new GapBook().missing(undefined, 'state', 'failed', 'm', 1)).toEqual({
    group: 'state',
    reason: 'failed',
    message: 'm',
    sinceMs: 1,
  })
})
