import { expect, it } from 'vitest'

import { culpritsOf, suspectOf } from '../../test/support/watched-arrays.js'
import { steadied } from './steady-suspects.js'

const blaming = (blames: Readonly<Record<string, number>>) =>
  culpritsOf(
    Object.entries(blames)
      .toSorted(([, a], [, b]) => b - a)
      .map(([name, blame]) => suspectOf(name, { blame })),
  )

it.each<[string, Record<string, number>, Record<string, number>, string[]]>([
  ['the most blamed first', {}, { a: 0.2, b: 0.7 }, ['b', 'a']],
  ['who was first stays so', { a: 0.55, b: 0.45 }, { a: 0.42, b: 0.58 }, ['a', 'b']],
  ['until another has half as much again', { a: 0.55, b: 0.45 }, { a: 0.35, b: 0.65 }, ['b', 'a']],
  ['little blame is not told', {}, { a: 0.9, b: 0.08 }, ['a']],
  ['who was told stays longer', { a: 0.8, b: 0.2 }, { a: 0.9, b: 0.08 }, ['a', 'b']],
  ['and not for ever', { a: 0.8, b: 0.2 }, { a: 0.9, b: 0.04 }, ['a']],
  ['nobody any more', { a: 0.8 }, {}, []],
])('%s', (_what, before, now, expected) => {
  const { suspects } = steadied(blaming(before), blaming(now))
  expect(suspects.map(({ members }) => members[0]?.name)).toEqual(expected)
})

it('knows a herd again, whoever comes to it', () => {
  const herd = (names: string[], blame: number) =>
    suspectOf('herd', { isHerd: true, members: names.map((name) => ({ id: name, kind: 'vm', name })), blame })
  const before = culpritsOf([herd(['a', 'b'], 0.6), suspectOf('c', { blame: 0.4 })])
  const { suspects } = steadied(before, culpritsOf([suspectOf('c', { blame: 0.55 }), herd(['d', 'b'], 0.45)]))
  expect(suspects[0]?.isHerd).toBe(true)
})
