import { expect, test } from 'vitest'

import { parseBootId, parseKernelRelease } from './kernel.js'

test.each([
  ['0F0E7D3C-5a52-4d5e-9d3b-2b8c4a6f1e10\n', '0f0e7d3c-5a52-4d5e-9d3b-2b8c4a6f1e10'],
  ['', undefined],
  ['0f0e7d3c', undefined],
  ['../../../../../../../../../../etc/xx', undefined],
])('boot id %j', (text, expected) => {
  expect(parseBootId(text)).toBe(expected)
})

test.each([
  ['6.1.0-28-amd64\n', '6.1.0-28-amd64'],
  ['2.6.18-238.el5xen\n', '2.6.18-238.el5xen'],
  ['', undefined],
  ['two words', undefined],
  ['x'.repeat(200), undefined],
])('release %j', (text, expected) => {
  expect(parseKernelRelease(text)).toBe(expected)
})
