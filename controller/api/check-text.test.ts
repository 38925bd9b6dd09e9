import { expect, it } from 'vitest'

import { checkText } from './check-text.js'

it.each([
  [undefined, 'c'],
  ['', 'c'],
  ['/var', 'c /var'],
  ['c0 32:1', 'c c0 32:1'],
  ['iscsi:iqn.2011-04.example.elab:iscsi1', 'c'],
])('the part %s', (part, text) => {
  expect(checkText({ check: 'c', part })).toBe(text)
})
