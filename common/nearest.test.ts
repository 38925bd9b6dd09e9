import { expect, it } from 'vitest'

import { nearest } from './nearest.js'

const words = ['near-miss', 'no-room', 'core-on-shared-storage', 'room-unknown']

it.each<[string, string[]]>([
  ['no-romm', ['no-room']],
  ['NO-ROOM', ['no-room']],
  ['near-mis', ['near-miss']],
  ['core-on-shared', ['core-on-shared-storage']],
  ['no-room-at-all', ['no-room']],
  ['miss', []],
  ['', []],
])('%j may be meant as', (word, expected) => {
  expect(nearest(word, words, 2)).toEqual(expected)
})

it('the most like it come first, and no more than are wanted', () => {
  expect(nearest('abcd', ['abxd', 'abce', 'axxd', 'wxyz', 'abcde'], 3)).toEqual(['abcde', 'abxd', 'abce'])
})
