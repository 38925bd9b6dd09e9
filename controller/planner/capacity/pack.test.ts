import { expect, it } from 'vitest'

import { pack, type Item, type Wanted } from './pack.js'

const one = Float64Array.of(1)

function item(vm: number, amount: number, hosts: readonly number[]): Item {
  return { vm, use: Float64Array.of(amount), hosts }
}

it.each<[what: string, items: readonly Item[], wanted: readonly Wanted[], left: readonly number[], served: number]>([
  ['one of two hosts with as much left', [item(0, 10, [0, 1]), item(1, 9, [0])], [], [10, 10], 0],
  ['no host for both', [item(0, 10, [0]), item(1, 9, [0])], [], [10, 10], -1],
  [
    'groups of new VMs that share a host, the room of which the other needs',
    [],
    [
      { hosts: [1, 2], count: 1 },
      { hosts: [0, 1], count: 1 },
    ],
    [0, 1, 1],
    2,
  ],
  [
    'three groups for the room of two',
    [],
    [
      { hosts: [0, 1], count: 1 },
      { hosts: [1], count: 1 },
      { hosts: [0], count: 1 },
    ],
    [1, 1],
    2,
  ],
])('finds %s', (_what, items, wanted, left, served) => {
  const room = Float64Array.from(left)
  const packed = pack(items, wanted, room, one, Infinity, { left: 1000 })
  expect(packed).toEqual({ served, exact: true, atMost: served })
  expect([...room]).toEqual(left)
})

it('says that it gave up, and what could be there at all', () => {
  // Two triples fill the two hosts to the last; the largest first, best filled, goes astray.
  const items = [10, 7, 7, 6, 5, 5].map((amount, vm) => item(vm, amount, [0, 1]))
  const packed = (budget: number) =>
    pack(items, [{ hosts: [2], count: 3 }], Float64Array.of(20, 20, 2), one, 3, { left: budget })
  expect(packed(5)).toEqual({ served: -1, exact: false, atMost: 2 })
  expect(packed(1000)).toEqual({ served: 2, exact: true, atMost: 2 })
})
