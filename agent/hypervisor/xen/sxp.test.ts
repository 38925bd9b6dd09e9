import fc from 'fast-check'
import { expect, test } from 'vitest'

import { recorded } from '../../../test/fixtures/xen/recorded-host.js'
import { damaged, unlessItThrows } from '../../../test/support/damaged-text.js'
import { parseSxps, sxpList, sxpLists, sxpWord, type Sxp } from './sxp.js'
import { XenToolError } from './xen-tools.js'

test.each<[string, string, readonly Sxp[]]>([
  ['nothing', ' \n', []],
  ['a word', 'a', ['a']],
  ['a list', '(a b)', [['a', 'b']]],
  ['lists in lists', '(a (b (c) ()) d)', [['a', ['b', ['c'], []], 'd']]],
  ['several', '(a)\n(b)', [['a'], ['b']]],
  ['blanks of all kinds', '( a\t(b\r\nc )\n)', [['a', ['b', 'c']]]],
  ['an empty value', "(kernel )(VDI '')", [['kernel'], ['VDI', '']]],
  ['blanks and brackets in quotes', "(name 'mail (2)')", [['name', 'mail (2)']]],
  ['double quotes', '(name "it\'s")', [['name', "it's"]]],
  ['quotes in quotes', String.raw`(name 'it\'s "x"')`, [['name', 'it\'s "x"']]],
  ['signs that cannot be printed', String.raw`(name 'a\n\t\\\x41\q')`, [['name', 'a\n\t\\Aq']]],
  ['a quote within a word', "(a it's)", [['a', "it's"]]],
  ['a backslash within a word', String.raw`(a b\c)`, [['a', String.raw`b\c`]]],
  ['no blank between', '(a(b)c)', [['a', ['b'], 'c']]],
  [
    'signs of all kinds',
    '(dev xvda:disk)(mode w!)(x -1.5e3)',
    [
      ['dev', 'xvda:disk'],
      ['mode', 'w!'],
      ['x', '-1.5e3'],
    ],
  ],
])('%s', (_, text, expected) => {
  expect(parseSxps(text)).toEqual(expected)
})

test.each<[string, string, RegExp]>([
  ['a list that does not end', '(a (b)', /end: expected 1 closing brackets/],
  ['one that did not begin', '(a))', /character 3: expected an expression, got "\)"/],
  ['a quotation that does not end', "(a 'b)", /character 3: expected a closing ', got "'b\)"/],
  ['one that ends on a backslash', String.raw`(a 'b\'`, /a closing '/],
  ['too deep', '('.repeat(65), /64 levels at most/],
  ['too many', 'a '.repeat(1_000_001), /1000000 parts at most/],
])('%s', (_, text, message) => {
  expect(() => parseSxps(text)).toThrow(XenToolError)
  expect(() => parseSxps(text)).toThrow(message)
})

test('long quotations and words take no more than their length', () => {
  const long = 'x'.repeat(4_000_000)
  expect(parseSxps(`(a '${long}' ${long})`)).toEqual([['a', long, long]])
  expect(() => parseSxps(`'${String.raw`\\`.repeat(2_000_000)}`)).toThrow(XenToolError)
})

test('what stands under a name', () => {
  const [domain] = parseSxps("(domain (name a) (device (vif (mac m))) (device (vbd (dev d))) (empty ) (none '') word)")
  if (domain === undefined) throw new Error('no domain')
  expect(sxpWord(domain, 'name')).toBe('a')
  expect(sxpWord(domain, 'device')).toBe(undefined)
  expect([sxpWord(domain, 'empty'), sxpWord(domain, 'none'), sxpWord(domain, 'no')]).toEqual([
    undefined,
    undefined,
    undefined,
  ])
  expect(sxpLists(domain, 'device')).toHaveLength(2)
  expect(sxpList(domain, 'device')).toEqual(['device', ['vif', ['mac', 'm']]])
  expect(sxpLists('word', 'device')).toEqual([])
})

/** As Python's `repr` and xend print them. */
function print(sxp: Sxp): string {
  if (typeof sxp !== 'string') return `(${sxp.map(print).join(' ')})`
  if (/^[\w.:/~-]+$/.test(sxp)) return sxp
  return `'${sxp
    .replaceAll('\\', String.raw`\\`)
    .replaceAll("'", String.raw`\'`)
    .replaceAll('\n', String.raw`\n`)}'`
}

test('any expression that xend prints comes back as it was', () => {
  const { sxp } = fc.letrec<{ sxp: Sxp }>((tie) => ({
    sxp: fc.oneof({ maxDepth: 5 }, fc.string(), fc.array(tie('sxp'), { maxLength: 5 })),
  }))
  fc.assert(
    fc.property(fc.array(sxp), (all) => {
      expect(parseSxps(all.map(print).join('\n'))).toEqual(all)
    }),
  )
})

test('any text: expressions, or the one error', () => {
  const pieces = fc.array(fc.constantFrom('(', ')', "'", '"', '\\', ' ', 'a', '\n')).map((parts) => parts.join(''))
  const texts = fc.oneof(fc.string(), pieces, damaged(recorded('xm-list-l.txt')))
  fc.assert(
    fc.property(texts, (text) => {
      const all = unlessItThrows(XenToolError, () => parseSxps(text)) ?? []
      expect(all.every((sxp) => typeof sxp === 'string' || Array.isArray(sxp))).toBe(true)
    }),
  )
})
