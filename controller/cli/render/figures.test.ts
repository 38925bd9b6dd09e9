import { expect, test } from 'vitest'

import { age, clockTime, cores, latency, ledgerMemory, memory, percent, perSecond, rate, sum } from './figures.js'

const MiB = 2 ** 20

test.each([memory, rate, cores, latency, perSecond, percent, ledgerMemory])(
  '%o shows what is absent as a dash',
  (format) => {
    expect(format(undefined)).toBe('–')
    expect(format(Number.NaN)).toBe('–')
    expect(format(0)).not.toBe('–')
  },
)

test.each([
  [latency, 0.41, '0.4 ms'],
  [latency, 12.7, '13 ms'],
  [latency, 999.6, '1.0 s'],
  [latency, 1834, '1.8 s'],
  [perSecond, 0, '0/s'],
  [perSecond, 0.5, '0.5/s'],
  [perSecond, 143.2, '143/s'],
  [percent, 0.42, '42%'],
  [cores, 0.534, '0.53'],
  [ledgerMemory, 8192 * MiB, '8 GiB'],
  [ledgerMemory, 8190 * MiB, '8190 MiB'],
  [ledgerMemory, 6656 * MiB, '6.5 GiB'],
  [ledgerMemory, -512 * MiB, '-512 MiB'],
  [ledgerMemory, -1537 * MiB, '-1537 MiB'],
])('%o of %d is %s', (format, value, text) => {
  expect(format(value)).toBe(text)
})

test.each([
  [undefined, '–'],
  [1_000_000, '0s'],
  [999_500, '0s'],
  [2_000_000, '0s'],
  [995_000, '5s'],
  [700_000, '5m'],
])('age of %s', (at, text) => {
  expect(age(at, 1_000_000)).toBe(text)
})

test('times of day, and moments that no calendar has', () => {
  expect(clockTime(1_302_603_630_000, 'UTC')).toBe('2011-04-12 10:20:30')
  expect(clockTime(1_302_603_630_000, 'Asia/Tokyo')).toBe('2011-04-12 19:20:30')
  expect(clockTime(1e300, 'UTC')).toBe('–')
})

test('a sum of what is known', () => {
  expect(sum(1, undefined, 2)).toBe(3)
  expect(sum(undefined)).toBeUndefined()
})
