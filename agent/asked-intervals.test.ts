import { expect, it } from 'vitest'

import { areAlike, withAsked } from './asked-intervals.js'

const own = { stateMs: 10_000, fastMs: 1000, blockMs: 10_000, guestMemoryMs: 30_000, inventoryMs: 60_000 }
const nothing = {
  stateMs: undefined,
  fastMs: undefined,
  blockMs: undefined,
  guestMemoryMs: undefined,
  inventoryMs: undefined,
}
const all = (ms: number): typeof own => ({ stateMs: ms, fastMs: ms, blockMs: ms, guestMemoryMs: ms, inventoryMs: ms })

it.each<[what: string, asked: Partial<typeof own>, becomes: Partial<typeof own>]>([
  ['nothing', {}, {}],
  ['what is usual', { stateMs: 20_000, fastMs: 2000 }, { stateMs: 20_000, fastMs: 2000 }],
  ['a millisecond', all(1), { stateMs: 1000, fastMs: 500, blockMs: 500, guestMemoryMs: 1000, inventoryMs: 1000 }],
  [
    'seven weeks',
    all(2 ** 32 - 1),
    { stateMs: 300_000, fastMs: 60_000, blockMs: 300_000, guestMemoryMs: 600_000, inventoryMs: 3_600_000 },
  ],
  ['no number', all(NaN), {}],
  ['less than nothing', { stateMs: -1 }, { stateMs: 1000 }],
])('asked for %s', (_what, asked, becomes) => {
  const result = withAsked(own, { ...nothing, ...asked })
  expect(result).toEqual({ ...own, ...becomes })
  expect(areAlike(result, own)).toBe(Object.keys(becomes).length === 0)
})
