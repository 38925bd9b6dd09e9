import { describe, expect, it } from 'vitest'
import { GiB, MiB } from '../../../common/units.js'
import { formatAge, formatFigure, formatSetMemory, formatTime, ioHeat, plural } from './figures.js'

describe('formatFigure', () => {
  it.each([
    [undefined, 'ms', '–'],
    [Number.NaN, 'cores', '–'],
    [null, 'count', '–'],
    [0, 'bytes/s', '0 B/s'],
    [-512 * MiB, 'memory', '−512 MiB'],
    [1_234_567, 'bytes/s', '1.23 MB/s'],
    [0.254, 'ms', '0.25 ms'],
    [1830, 'ms', '1.83 s'],
    [0.5, 'cores', '0.50'],
    [0.031, 'fraction', '3.1 %'],
    [27.34, '1/s', '27.3/s'],
  ] as const)('%s as %s', (value, unit, text) => {
    expect(formatFigure(value, unit)).toBe(text)
  })
})

it.each([
  [8 * GiB, '8 GiB'],
  [6.5 * GiB, '6.5 GiB'],
  [4 * GiB - 2 * MiB, '4094 MiB'],
  [62.7181 * GiB, '62.72 GiB'],
  [1022 * MiB, '1022 MiB'],
  [-512 * MiB, '−512 MiB'],
  [0, '0 MiB'],
])('a set memory of %d reads %s', (bytes, text) => {
  expect(formatSetMemory(bytes)).toBe(text)
})

it('tells the time, with the date on other days', () => {
  const noon = new Date(2026, 3, 5, 12, 3, 9).getTime()
  expect(formatTime(noon, noon + 1000)).toBe('12:03:09')
  expect(formatTime(noon, noon + 86_400_000)).toBe('2026-04-05 12:03:09')
})

it('tells ages', () => {
  expect(formatAge(1000, 2500)).toBe('now')
  expect(formatAge(0, 12_000)).toBe('12s ago')
})

it('counts', () => {
  expect([plural(1, 'VM'), plural(0, 'VM'), plural(2, 'dairy', 'dairies')]).toEqual(['1 VM', '0 VMs', '2 dairies'])
})

it.each([
  [undefined, 0],
  [9_999, 0],
  [10_000, 1],
  [150_000, 2],
  [12e6, 4],
  [5e9, 5],
])('heat of %s is %d', (rate, heat) => {
  expect(ioHeat(rate)).toBe(heat)
})
