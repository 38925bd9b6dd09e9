import { expect, it } from 'vitest'
import { judgeSilence } from './silence.js'
import type { Behind } from './silence.js'

const since = (revision: number, at: number): Behind => ({ revision, since: at })

it.each<[string, Behind, number, number, number, Behind, boolean]>([
  ['up to date', undefined, 7, 7, 9000, undefined, false],
  ['ahead of the poll', since(5, 0), 8, 7, 9000, undefined, false],
  ['behind for the first time', undefined, 6, 7, 9000, since(6, 9000), false],
  ['behind again, but moving', since(6, 0), 7, 9, 9000, since(7, 9000), false],
  ['behind and not moving, for a moment', since(6, 8600), 6, 9, 9000, since(6, 8600), false],
  ['behind and not moving, for long', since(6, 5000), 6, 9, 9000, undefined, true],
])('%s', (_, before, mine, theirs, now, behind, dead) => {
  expect(judgeSilence(before, mine, theirs, now)).toEqual({ behind, dead })
})
