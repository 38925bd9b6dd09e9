import { expect, it } from 'vitest'

import { newArrayModel } from '../arrays/array-model.js'
import { keptArraysOf } from './kept-arrays.js'

const key = 'iscsi:box'
const events = [
  { at: 4, what: 'learnt-capacity' as const, value: 5e8 },
  { at: 3, what: 'overflow' as const },
]
const kept = { model: newArrayModel(key, undefined, 1), sawWriteBack: true, events, lastSeenAt: 5 }
const { model } = kept
const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

it('what was kept comes back', () => {
  const refused: string[] = []
  const [one] = keptArraysOf([{ key, value: json(kept) }], (row) => refused.push(row))
  expect(refused).toEqual([])
  expect(json(one)).toEqual(json(kept))
})

it('a row of before events were kept has none', () => {
  const { events: _events, ...older } = kept
  expect(keptArraysOf([{ key, value: json(older) }], () => undefined)).toMatchObject([{ events: [], lastSeenAt: 5 }])
})

it.each<[string, object, RegExp]>([
  ['what can not have happened', { events: [{ at: 1, what: 'x' }] }, /^events\.0\.what/],
  ['another version', { model: { ...model, version: 0 } }, /^model\.version/],
  ['another box', { model: { ...model, boxId: 'nfs:x' } }, /^model\.boxId/],
  [
    'a list that is too short',
    { model: { ...model, belief: { ...model.belief, fills: [1, 2] } } },
    /^model\.belief\.fills/,
  ],
  [
    'a text for a number',
    { model: { ...model, belief: { ...model.belief, overflows: '1' } } },
    /^model\.belief\.overflows/,
  ],
  ['a part that is missing', { model: { ...model, belief: undefined } }, /^model\.belief/],
  [
    'something within',
    { model: { ...model, evidence: { ...model.evidence, pressure: { logOdds: null, calm: {} } } } },
    /^model\.evidence\.pressure\.logOdds/,
  ],
  ['no time', { lastSeenAt: undefined }, /^lastSeenAt/],
])('%s is refused, and said', (_what, change, reason) => {
  const said: string[] = []
  const read = keptArraysOf([{ key, value: json({ ...kept, ...change }) }], (row, why) => said.push(`${row} ${why}`))
  expect(read).toEqual([])
  expect(said).toHaveLength(1)
  expect(said[0]?.slice(key.length + 1)).toMatch(reason)
})
