import { expect, it } from 'vitest'

import { labelPatternTest, patternTest } from './pattern.js'

it.each<[string, string, boolean, boolean]>([
  ['hv*', 'hv1', true, true],
  ['hv*', 'hv1.example.net', true, false],
  ['hv*', 'hv.', true, false],
  ['*', 'hv1', true, true],
  ['*', 'hv1.example.net', true, false],
  ['*.example.org', 'hv1.example.org', true, true],
  ['*.example.org', 'hv1.rack2.example.org', true, false],
  ['*.*.example.org', 'hv1.rack2.example.org', true, true],
  ['*.example.org', 'example.org', false, false],
  ['hv1', 'hv1', true, true],
  ['hv1.example.org', 'hv1.example.org', true, true],
  ['hv1', 'HV1', false, false],
])('%s of %s: %s for any text, %s for names of hosts', (pattern, text, ofText, ofHost) => {
  expect([patternTest(pattern)(text), labelPatternTest(pattern)(text)]).toEqual([ofText, ofHost])
})
