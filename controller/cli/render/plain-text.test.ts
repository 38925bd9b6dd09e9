import { expect, test } from 'vitest'

import { neutralise } from '../../../common/neutralise.js'
import { displayWidth, safeJson, truncate, wrap } from './plain-text.js'

test.each([
  ['plain', 'mail-1.elab', 'mail-1.elab'],
  ['accents and kanji', 'Zürich 計算機室', 'Zürich 計算機室'],
  ['colour', '\u001b[31mred', '\\x1b[31mred'],
  ['title of the window', '\u001b]0;pwned\u0007', '\\x1b]0;pwned\\x07'],
  ['8-bit CSI', '\u009b2J', '\\x9b2J'],
  ['cursor back over the line', 'a\r\nb\bc', 'a\\x0d\\x0ab\\x08c'],
  ['delete', 'a\u007f', 'a\\x7f'],
  ['text that runs backwards', 'a\u202egnp.exe', 'a\\u202egnp.exe'],
  ['zero width', 'bell\u200b', 'bell\\u200b'],
  ['line separator', 'a\u2028b', 'a\\u2028b'],
  ['half of a pair', 'a\ud800b', 'a\\ud800b'],
  ['tag characters', 'a\u{e0041}', 'a\\u{e0041}'],
  ['marks piled up', `e${'\u0301'.repeat(50)}`, 'e\u0301\u0301'],
])('neutralise: %s', (_name, text, safe) => {
  expect(neutralise(text)).toBe(safe)
  expect(neutralise(safe)).toBe(safe)
})

test('a text without end is cut', () => {
  expect(neutralise('x'.repeat(1_000_000)).length).toBeLessThan(5000)
})

test.each([
  ['', 0],
  ['bell', 4],
  ['計算', 4],
  ['ガ', 2],
  ['e\u0301', 1],
  ['–…▾', 3],
  ['🖥 x', 3],
  ['🚀', 2],
])('width of %j is %d', (text, width) => {
  expect(displayWidth(text)).toBe(width)
})

test.each([
  ['bell', 4, 'bell'],
  ['maxwell', 4, 'max…'],
  ['maxwell', 1, '…'],
  ['maxwell', 0, ''],
  ['計算機室', 6, '計算…'],
])('truncate %j to %d', (text, width, cut) => {
  expect(truncate(text, width)).toBe(cut)
})

test.each([
  ['one two three', 7, 0, ['one two', 'three']],
  ['one two three', Number.POSITIVE_INFINITY, 0, ['one two three']],
  ['abcdefghij', 4, 0, ['abcd', 'efgh', 'ij']],
  ['to abcdefghij', 4, 0, ['to', 'abcd', 'efgh', 'ij']],
  ['計算機室', 4, 0, ['計算', '機室']],
  ['aa bb cc', 5, 2, ['aa bb', 'cc']],
  ['', 5, 0, ['']],
])('wrap %j at %d, indent %d', (text, width, indent, lines) => {
  expect(wrap(text, width, indent)).toEqual(lines)
})

test('JSON stays the same document and holds no control character', () => {
  const value = { name: 'a\u001b\u009b\u202e\u2028\u{e0041}計' }
  const text = safeJson(value, 2)
  expect(JSON.parse(text)).toEqual(value)
  expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
  expect(text).toContain('計')
})
