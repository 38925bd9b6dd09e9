import { expect, test } from 'vitest'

import { inOneLine } from './problems.js'

test.each([
  [[], ''],
  [['', ''], ''],
  [['disk full', '', 'no roll-ups', 'disk full'], 'disk full; no roll-ups'],
])('%j', (problems, line) => {
  expect(inOneLine(problems)).toBe(line)
})
