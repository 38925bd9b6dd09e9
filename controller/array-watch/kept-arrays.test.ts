import { expect, it } from 'vitest'

import { newArrayModel } from '../arrays/array-model.js'
import { keptArraysOf } from './kept-arrays.js'

const key = 'iscsi:box'
const kept = { model: newArrayModel(key, undefined, 1), sawWriteBack: true, lastSeenAt: 5 }
const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

it('what was kept comes back', () => {
  const refused: string[] = []
  const [one] = keptArraysOf([{ key, value: json(kept) }], (row) => refused.push(row))
  expect(refused).toEqual([])
  expect(json(one)).toEqual(json(kept))
})

it.each<[string, object, RegExp]>([
  ['another version', { model: { ...kept.model, version: 0 } }, /^model\.version/],
  ['another box', { model: { ...kept.model, boxId: 'nfs:x' } }, /^model\.boxId/],
  ['a list that is too short', { model: { ...kept.model, fills: [1, 2] } }, /^model\.fills/],
  ['a text for a number', { model: { ...kept.model, overflows: '1' } }, /^model\.overflows/],
  ['a part that is missing', { model: { ...kept.model, knowledge: undefined } }, /^model\.knowledge/],
  [
    'something within',
    { model: { ...kept.model, pressure: { logOdds: null, calm: {} } } },
    /^model\.pressure\.logOdds/,
  ],
  ['no time', { lastSeenAt: undefined }, /^lastSeenAt/],
])('%s is refused, and said', (_what, change, reason) => {
  const said: string[] = []
  const read = keptArraysOf([{ key, value: json({ ...kept, ...change }) }], (row, why) => said.push(`${row} ${why}`))
  expect(read).toEqual([])
  expect(said).toHaveLength(1)
  expect(said[0]?.slice(key.length + 1)).toMatch(reason)
})
