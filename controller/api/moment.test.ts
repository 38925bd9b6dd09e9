import { describe, expect, it } from 'vitest'

import { count, memorySize, parseMoment, resolveMoment, step } from './moment.js'

const now = 1_000_000_000

describe('moments', () => {
  it.each([
    ['now', now],
    ['-1h', now - 3_600_000],
    ['-1.5s', now - 1500],
    ['-99y', 0],
    ['0', 0],
    ['1326585600000', 1_326_585_600_000],
    ['8640000000000000', 8.64e15],
  ])('%s', (text, expected) => {
    const moment = parseMoment(text)
    expect(moment && resolveMoment(moment, now)).toBe(expected)
  })

  it.each([
    '',
    '-',
    '1h',
    '-1',
    '+1h',
    '1e3',
    '8640000000000001',
    '99999999999999999',
    '-999999999999y',
    '2012-01-15',
    'NaN',
  ])('%j is none', (text) => {
    expect(parseMoment(text)).toBeUndefined()
  })
})

describe('numbers of a query', () => {
  it.each([
    [step, '0', 0],
    [step, '10000', 10_000],
    [step, '10s', 10_000],
    [step, '-1s', undefined],
    [step, '1e9', undefined],
    [memorySize, '1GiB', 2 ** 30],
    [memorySize, '0B', 0],
    [memorySize, '1024', undefined],
    [memorySize, '9999999TiB', undefined],
    [count(10), '10', 10],
    [count(10), '11', undefined],
    [count(10), '0', undefined],
    [count(10), '1.5', undefined],
    [count(10), ' 5', undefined],
  ])('%#: %s', (schema, text, expected) => {
    expect(schema.safeParse(text).data).toBe(expected)
  })
})
