import { describe, expect, it } from 'vitest'

import {
  exactDuration,
  exactRate,
  exactShare,
  exactSize,
  formatBytes,
  formatDuration,
  formatMemory,
  formatMoment,
  formatRate,
  GiB,
  MiB,
  parseDurationMs,
  parseRateBytesPerSecond,
  parseShare,
  parseSizeBytes,
} from './units.js'

describe('parseDurationMs', () => {
  it.each([
    ['15s', 15_000],
    ['250ms', 250],
    ['10m', 600_000],
    ['1.5h', 5_400_000],
    ['3d', 259_200_000],
    ['1y', 31_536_000_000],
    [' 2 s ', 2000],
    ['0s', 0],
  ])('%j', (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms)
  })

  it.each([
    '',
    's',
    '15',
    '-5s',
    '+5s',
    '1e3s',
    '5 s s',
    '5S',
    '5sec',
    '.5s',
    '5.s',
    '5s\n6s',
    '5constructor',
    '5toString',
    '5__proto__',
    `${'9'.repeat(400)}s`,
    'NaNs',
    'Infinitys',
  ])('%j is none', (text) => {
    expect(parseDurationMs(text)).toBe(undefined)
  })
})

describe('parseSizeBytes', () => {
  it.each([
    ['512MiB', 512 * MiB],
    ['2GiB', 2 * GiB],
    ['2GB', 2e9],
    ['1.5 KiB', 1536],
    ['0.3B', 0],
    ['64TiB', 64 * 2 ** 40],
  ])('%j', (text, bytes) => {
    expect(parseSizeBytes(text)).toBe(bytes)
  })

  it.each(['2', '2gib', '2Gi', '-1GiB', '5valueOf', `${'9'.repeat(400)}B`])('%j is none', (text) => {
    expect(parseSizeBytes(text)).toBe(undefined)
  })
})

describe('formats', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1 KiB'],
    [1536, '1.5 KiB'],
    [10.26 * 1024, '10.3 KiB'],
    [MiB - 1, '1 MiB'],
    [1023 * 1024, '1023 KiB'],
    [2 * GiB, '2 GiB'],
    [-2 * GiB, '-2 GiB'],
    [2 ** 60, '1024 PiB'],
  ])('%d bytes of memory', (bytes, text) => {
    expect(formatMemory(bytes)).toBe(text)
  })

  it.each([
    [999.4, '999 B'],
    [999.6, '1 kB'],
    [999_999, '1 MB'],
    [12_345_678, '12.3 MB'],
  ])('%d bytes', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text)
  })

  it('a moment', () => {
    expect(formatMoment(1_326_585_600_999)).toBe('2012-01-15T00:00:00Z')
  })

  it('a rate', () => {
    expect(formatRate(1.5e6)).toBe('1.5 MB/s')
  })

  it.each([
    [0, '0ms'],
    [250.4, '250ms'],
    [999.6, '1s'],
    [59_999, '59s'],
    [310_000, '5m 10s'],
    [3_600_000, '1h'],
    [(3 * 24 + 4) * 3_600_000 + 59_000, '3d 4h'],
  ])('%d ms', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })
})

describe('parseRateBytesPerSecond and parseShare', () => {
  it.each([
    ['25MB/s', 25e6],
    [' 1 GiB/s ', GiB],
    ['25MB', undefined],
    ['25/s', undefined],
    ['MB/s', undefined],
    ['25MB/m', undefined],
  ])('%j is a rate of %s', (text, expected) => {
    expect(parseRateBytesPerSecond(text)).toBe(expected)
  })

  it.each([
    ['5%', 0.05],
    ['6.25 %', 0.0625],
    ['0%', 0],
    ['100%', 1],
    ['100.1%', undefined],
    ['-1%', undefined],
    ['5', undefined],
    ['%', undefined],
    ['5percent', undefined],
  ])('%j is a share of %s', (text, expected) => {
    expect(parseShare(text)).toBe(expected)
  })
})

describe('exact forms', () => {
  it.each([
    [exactSize(512 * MiB), '512MiB'],
    [exactSize(25e6), '25MB'],
    [exactSize(2 * GiB), '2GiB'],
    [exactSize(7), '7B'],
    [exactSize(0), '0B'],
    [exactRate(5e6), '5MB/s'],
    [exactDuration(90_000), '90s'],
    [exactDuration(3 * 86_400_000), '3d'],
    [exactDuration(0.5), '0.5ms'],
    [exactDuration(0), '0ms'],
    [exactShare(0.07), '7%'],
    [exactShare(1 / 16), '6.25%'],
  ])('%s', (text, expected) => {
    expect(text).toBe(expected)
  })

  it('are parsed to what they were made of', () => {
    for (let at = 0; at <= 2000; at += 1) {
      const value = at ** 5
      expect(parseSizeBytes(exactSize(value))).toBe(value)
      expect(parseRateBytesPerSecond(exactRate(value))).toBe(value)
      expect(parseDurationMs(exactDuration(value))).toBe(value)
      const share = parseShare(`${at / 20}%`) ?? Number.NaN
      expect(parseShare(exactShare(share))).toBe(share)
    }
  })
})
