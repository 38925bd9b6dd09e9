import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { encodeCursor, pageOf, type Page, type SortKey } from './cursor.js'
import { ApiError } from './errors.js'

type Item = readonly [name: string, id: string]
const keyOf = (item: Item): SortKey => item

function page(items: readonly Item[], limit: number, cursor?: string): Page<Item> {
  return pageOf(items, keyOf, { limit, cursor })
}

describe('pages', () => {
  it('sorts by name, then id', () => {
    const items: Item[] = [
      ['b', '1'],
      ['a', '2'],
      ['a', '1'],
    ]
    expect(page(items, 9)).toEqual({
      items: [
        ['a', '1'],
        ['a', '2'],
        ['b', '1'],
      ],
      nextCursor: undefined,
    })
  })

  it('has no next page when the last item is on this one', () => {
    expect(page([['a', '1']], 1).nextCursor).toBeUndefined()
    expect(page([], 1)).toEqual({ items: [], nextCursor: undefined })
  })

  it('meets each item once, in order, at any page size', () => {
    const lists = fc.uniqueArray(fc.tuple(fc.string(), fc.string()), { selector: (item) => JSON.stringify(item) })
    fc.assert(
      fc.property(lists, fc.integer({ min: 1, max: 5 }), (items, limit) => {
        const met: Item[] = []
        let cursor: string | undefined
        do {
          const next = page(items, limit, cursor)
          met.push(...next.items)
          cursor = next.nextCursor
        } while (cursor !== undefined)
        expect(met).toEqual(page(items, Infinity).items)
        expect(met).toHaveLength(items.length)
      }),
    )
  })

  it.each(['', '!!!', 'bnVsbA', encodeCursor(['a']), encodeCursor(['a', 'b', 'c']), encodeCursor([1, 2])])(
    'refuses the cursor %j',
    (cursor) => {
      expect(() => page([], 1, cursor)).toThrow(ApiError)
    },
  )
})
