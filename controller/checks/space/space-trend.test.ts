import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'

import { spacePast, steadyTrend, type SpacePoint } from './space-trend.js'

const GB = 1e9
const hourMs = 3_600_000

/** A point each two hours for so many days, of 1 TB. */
function past(days: number, available: (hour: number) => number, size = (_hour: number) => 1000 * GB): SpacePoint[] {
  return Array.from({ length: days * 12 + 1 }, (_, at) => ({
    atMs: at * 2 * hourMs,
    sizeBytes: size(at * 2),
    availableBytes: available(at * 2),
  }))
}

/** Over all of it. */
const perDay = (points: readonly SpacePoint[]): number | undefined => {
  const [trend] = spacePast(points).trends
  return trend === undefined ? undefined : Math.round(trend.bytesPerDay / GB)
}

test.each<[string, SpacePoint[], number | undefined]>([
  ['it fills steadily', past(7, (hour) => 500 * GB - hour * GB), 24],
  ['it empties', past(7, (hour) => 100 * GB + hour * GB), -24],
  ['nothing happens', past(7, () => 500 * GB), 0],
  ['a backup each night', past(7, (hour) => 500 * GB - 10 * GB * Math.floor(hour / 24)), 9],
  ['a log that is rotated each day', past(7, (hour) => 500 * GB - (hour % 24) * GB), 0],
  ['a copy that was deleted again', past(7, (hour) => (hour > 60 && hour < 72 ? 200 : 500) * GB), 0],
  [
    'it filled for three days, and was cleaned six hours ago',
    past(7, (hour) => (hour < 90 || hour > 162 ? 500 : 500 - (hour - 90)) * GB),
    0,
  ],
  ['a part of it was cleaned', past(7, (hour) => (500 - hour + (hour > 162 ? 80 : 0)) * GB), 11],
  [
    'it was made larger two days ago',
    past(
      4,
      (hour) => (hour < 48 ? 50 : 500) * GB - hour * GB,
      (hour) => (hour < 48 ? 100 : 1000) * GB,
    ),
    24,
  ],
  [
    'it was made larger an hour ago',
    past(
      4,
      () => 50 * GB,
      (hour) => (hour < 94 ? 100 : 1000) * GB,
    ),
    undefined,
  ],
  ['less than a day', past(1, (hour) => 500 * GB - hour * GB).slice(1), undefined],
  ['few points', [past(7, () => 1)[0], past(7, () => 0)[84]].flatMap((one) => one ?? []), undefined],
  ['none', [], undefined],
])('%s', (_what, points, expected) => {
  expect(perDay(points)).toBe(expected)
})

test('says over how long it was seen', () => {
  expect(spacePast(past(3, () => GB)).trends.map(({ overMs }) => overMs)).toEqual([72 * hourMs])
})

test('whatever a tenth of the points before the last three is, the slope is that of the others', () => {
  const wild = fc.array(fc.record({ at: fc.nat(81), value: fc.nat(1000) }), { maxLength: 8 })
  fc.assert(
    fc.property(wild, fc.integer({ min: -20, max: 20 }), (odd, gigabytes) => {
      const points = past(7, (hour) => 500 * GB - (hour * gigabytes * GB) / 24)
      for (const { at, value } of odd) {
        const point = points[at]
        if (point !== undefined) points[at] = { ...point, availableBytes: value * GB }
      }
      // Each point is part of a fiftieth of the pairs; the others agree.
      expect(Math.abs((perDay(points) ?? NaN) - gigabytes)).toBeLessThanOrEqual(Math.max(2, Math.abs(gigabytes) / 2))
    }),
    { seed: 1 },
  )
})

/** `GB a day over hours` of each trend but that over all of it. */
function late(points: readonly SpacePoint[]): string[] {
  return spacePast(points)
    .trends.slice(1)
    .map(({ bytesPerDay, overMs }) => `${Math.round(bytesPerDay / GB)} over ${overMs / hourMs}`)
}
const hourly = (days: number, available: (hour: number) => number): SpacePoint[] =>
  Array.from({ length: days * 24 + 1 }, (_, hour) => ({
    atMs: hour * hourMs,
    sizeBytes: 1000 * GB,
    availableBytes: available(hour),
  }))
/** What came to it since an hour of the sixth day. */
const since = (hour: number, now: number): number => Math.max(0, now - (144 - hour))

describe('what fills of late', () => {
  it.each<[string, SpacePoint[], string[]]>([
    ['for a day', hourly(6, (hour) => (500 - since(24, hour)) * GB), ['24 over 24', '24 over 6']],
    ['for seven hours', hourly(6, (hour) => (500 - since(7, hour)) * GB), ['24 over 6']],
    ['for three hours: not yet', hourly(6, (hour) => (500 - since(3, hour)) * GB), []],
    ['all the time', hourly(6, (hour) => (500 - hour) * GB), ['24 over 24', '24 over 6']],
    ['by one copy', hourly(6, (hour) => (hour > 141 ? 300 : 500) * GB), []],
    [
      'ever more slowly: the slowest part counts',
      hourly(6, (hour) => (500 - 4 * Math.sqrt(since(24, hour))) * GB),
      ['11 over 24', '10 over 6'],
    ],
    ['as it does each day: a log that is rotated', hourly(6, (hour) => (500 - ((hour + 23) % 24)) * GB), []],
    ['as it did once before', hourly(6, (hour) => (hour === 20 ? 400 : 500 - since(24, hour)) * GB), []],
    ['in a past of less than two days', hourly(1, (hour) => (500 - hour) * GB), []],
    ['not any more: it was cleaned', hourly(6, (hour) => (hour > 143 ? 500 : 500 - since(24, hour)) * GB), []],
  ])('%s', (_what, points, expected) => {
    expect(late(points)).toEqual(expected)
  })

  it('is nothing before its past is known', () => {
    const points = hourly(1, (hour) => (500 - hour) * GB)
    expect(steadyTrend(points, 24 * hourMs, undefined)).toBeUndefined()
    expect(steadyTrend(points, 24 * hourMs, 480 * GB)?.bytesPerDay).toBeCloseTo(24 * GB)
    expect(steadyTrend(points, 48 * hourMs, 480 * GB)).toBeUndefined()
    expect(steadyTrend([], 24 * hourMs, 480 * GB)).toBeUndefined()
  })

  it('the least of a past is that of at least a day of one size', () => {
    expect(spacePast(hourly(2, (hour) => (hour === 5 ? 7 : 9) * GB)).lowBytes).toBe(7 * GB)
    expect(spacePast(hourly(2, () => GB).slice(30)).lowBytes).toBeUndefined()
    expect(spacePast([]).lowBytes).toBeUndefined()
  })
})
