import { describe, expect, test } from 'vitest'

import { fairLevel } from './fair-share.js'

describe('fairLevel', () => {
  test.each([
    ['all fits', [1, 2, 3], 6, Infinity],
    ['nobody wants', [], 0, Infinity],
    ['equal wants', [4, 4], 4, 2],
    ['the small one gets all of its own', [1, 10, 10], 9, 4],
    ['nothing to share', [1, 2], 0, 0],
    ['the order does not matter', [10, 1, 10], 9, 4],
  ])('%s', (_title, wants, capacity, level) => {
    expect(fairLevel(wants, capacity)).toBe(level)
  })
})
