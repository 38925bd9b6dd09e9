import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { matcherOf, matchesPattern } from './match.js'

describe('matchesPattern', () => {
  it.each([
    ['xenhv01', 'xenhv01', true],
    ['xenhv01', 'xenhv010', false],
    ['xenhv01', 'Xenhv01', false],
    ['*', '', true],
    ['*', 'anything', true],
    ['xen*', 'xenhv01', true],
    ['xen*', 'axen', false],
    ['*01', 'xenhv01', true],
    ['xen*01', 'xen01', true],
    ['xen*x01', 'xenx01', true],
    ['ab*ba', 'aba', false],
    ['a*b*c', 'a-b-c', true],
    ['a*b*c', 'acb', false],
    ['*a*a*', 'a', false],
    ['*a*a*', 'aa', true],
    ['a.c', 'abc', false],
    ['iscsi:iqn.2011-04.*:box', 'iscsi:iqn.2011-04.example:box', true],
    ['', '', true],
    ['', 'a', false],
  ])('%j on %j: %s', (pattern, text, expected) => {
    expect(matchesPattern(pattern, text)).toBe(expected)
  })

  it('agrees with the regular expression of the same meaning', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 8 })
    const patterns = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), maxLength: 6 })
    fc.assert(
      fc.property(patterns, letters, (pattern, text) => {
        const expression = new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`)
        expect(matchesPattern(pattern, text)).toBe(expression.test(text))
      }),
    )
  })

  it('does not run away on many stars', () => {
    expect(matchesPattern('*a'.repeat(150), `${'a'.repeat(149)}b`)).toBe(false)
  })
})

describe('matcherOf', () => {
  const rules = [
    { match: ['b', 'a1'] },
    { match: [] },
    { match: ['x*', 'a*'] },
    { match: ['a2', '*z'] },
    { match: ['b'] },
  ]

  it.each<[string, [rule: number, pattern: number][]]>([
    [
      'a1',
      [
        [0, 1],
        [2, 1],
      ],
    ],
    [
      'b',
      [
        [0, 0],
        [4, 0],
      ],
    ],
    [
      'a2',
      [
        [2, 1],
        [3, 0],
      ],
    ],
    [
      'xz',
      [
        [2, 0],
        [3, 1],
      ],
    ],
    ['bz', [[3, 1]]],
    ['c', []],
    ['', []],
    ['__proto__', []],
  ])('%j is matched by %j', (text, expected) => {
    const matcher = matcherOf(rules)
    const first = matcher(text)
    expect(first.map(({ rule, pattern }) => [rule, pattern])).toEqual(expected)
    expect(matcher(text)).toBe(first)
  })

  it('agrees with trying every pattern in order', () => {
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*'), minLength: 1, maxLength: 4 })
    const lists = fc.array(fc.record({ match: fc.array(pattern, { maxLength: 3 }) }), { maxLength: 5 })
    const texts = fc.array(fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 4 }), { maxLength: 10 })
    fc.assert(
      fc.property(lists, texts, (rules, texts) => {
        const matcher = matcherOf(rules)
        for (const text of texts) {
          const expected = rules.flatMap(({ match }, rule) => {
            const at = match.findIndex((one) => matchesPattern(one, text))
            return at === -1 ? [] : [{ rule, pattern: at }]
          })
          expect(matcher(text)).toEqual(expected)
        }
      }),
    )
  })
})

// A `*` of the narrow one is a character that only a `*` of the wide one matches.
describe('a pattern matched against a pattern: true if it covers it', () => {
  it.each([
    ['*', 'a*', true],
    ['a*', 'ab*', true],
    ['a*', 'ab', true],
    ['a*', 'a*', true],
    ['ab*', 'a*', false],
    ['a', 'a*', false],
    ['a*b', 'a*c*b', true],
    ['*a', 'a*', false],
  ])('%j covers %j: %s', (wide, narrow, expected) => {
    expect(matchesPattern(wide, narrow)).toBe(expected)
  })
})
