import fc from 'fast-check'
import { expect, test } from 'vitest'

import { spaceTrend, type SpacePoint } from './space-trend.js'

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

const perDay = (points: readonly SpacePoint[]): number | undefined => {
  const trend = spaceTrend(points)
  return trend === undefined ? undefined : Math.round(trend.bytesPerDay / GB)
}

test.each<[string, SpacePoint[], number | undefined]>([
  ['it fills steadily', past(7, (hour) => 500 * GB - hour * GB), 24],
  ['it empties', past(7, (hour) => 100 * GB + hour * GB), -24],
  ['nothing happens', past(7, () => 500 * GB), 0],
  ['a backup each night', past(7, (hour) => 500 * GB - 10 * GB * Math.floor(hour / 24)), 10],
  ['a log that is rotated each day', past(7, (hour) => 500 * GB - (hour % 24) * GB), 0],
  ['a copy that was deleted again', past(7, (hour) => (hour > 60 && hour < 72 ? 200 : 500) * GB), 0],
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
  expect(spaceTrend(past(3, () => GB))?.overMs).toBe(72 * hourMs)
})

test('whatever a fifth of the points is, the slope is that of the others', () => {
  const wild = fc.array(fc.record({ at: fc.nat(84), value: fc.nat(1000) }), { maxLength: 8 })
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
