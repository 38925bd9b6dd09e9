import { expect, test } from 'vitest'

import { similarNames } from './similar-names.js'

const names = ['bell', 'maxwell', 'fleming', 'mail', 'mail2', 'www', 'ns', 'elab-gw']

test.each([
  ['bel', ['bell']],
  ['eblab-gw', ['elab-gw']],
  ['mial', ['mail']],
  ['MAIL', ['mail', 'mail2']],
  ['well', ['maxwell', 'bell']],
  ['flemming', ['fleming']],
  ['postgres', []],
  ['', []],
])('%j may mean %j', (typed, similar) => {
  expect(similarNames(typed, names)).toEqual(similar)
})
