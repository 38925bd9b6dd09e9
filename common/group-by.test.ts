import { expect, it } from 'vitest'

import { groupBy } from './group-by.js'

it('groups in order of appearance, whatever the keys are called', () => {
  const groups = groupBy(['b1', 'a1', 'b2', '__proto__'], (item) => (item === '__proto__' ? item : item.slice(0, 1)))
  expect([...groups]).toEqual([
    ['b', ['b1', 'b2']],
    ['a', ['a1']],
    ['__proto__', ['__proto__']],
  ])
})

it('makes no group of nothing', () => {
  expect(groupBy([], String).size).toBe(0)
})
