import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { Policy } from '../model/policy.js'
import { arrayNameFor, matchesPattern, reserveBytesFor } from './match.js'

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

describe('rules', () => {
  const policy: Policy = {
    limits: { vmMemoryBytes: 1, hostReserveBytes: 100 },
    hosts: [
      { match: 'a1', role: 'reserve', reserveBytes: undefined },
      { match: 'a*', role: undefined, reserveBytes: 7 },
      { match: '*', role: undefined, reserveBytes: 9 },
    ],
    arrays: [
      { match: 'iscsi:*', name: 'box' },
      { match: '*', name: 'rest' },
    ],
  }

  it.each([
    ['a1', 100],
    ['a2', 7],
    ['b', 9],
  ])('reserve of %s is %i: the first match wins', (host, expected) => {
    expect(reserveBytesFor(policy, host)).toBe(expected)
  })

  it('names arrays', () => {
    expect(arrayNameFor(policy, 'iscsi:iqn.x')).toBe('box')
    expect(arrayNameFor(policy, 'rbd:1/pool')).toBe('rest')
    expect(arrayNameFor({ ...policy, arrays: [] }, 'rbd:1/pool')).toBeUndefined()
  })
})
