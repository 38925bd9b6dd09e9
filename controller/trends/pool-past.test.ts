import { describe, expect, it } from 'vitest'

import { spacePast } from '../checks/space/space-trend.js'
import { poolPast } from './pool-past.js'

const hour = 3_600_000
const gigabyte = 1e9
type Row = (number | null)[]

describe('the past of a thin pool', () => {
  it.each<[string, Row[], number[]]>([
    [
      'of one size',
      [
        [1, 100, 0.5],
        [2, 100, 0.6],
      ],
      [150, 140],
    ],
    [
      'made larger',
      [
        [1, 100, 0.9],
        [2, 200, 0.46],
        [3, 200, 0.47],
      ],
      [110, 106],
    ],
    [
      'made larger when it was fuller',
      [
        [1, 100, 0.9],
        [2, 200, 0.91],
        [3, 200, 0.46],
      ],
      [110, 108],
    ],
    [
      'of before sizes were kept',
      [
        [1, null, 0.5],
        [2, null, 0.6],
      ],
      [100, 80],
    ],
    [
      'made larger since',
      [
        [1, null, 0.8],
        [2, 100, 0.9],
        [3, 200, 0.46],
        [4, 200, 0.47],
      ],
      [120, 110, 106],
    ],
    [
      'where nothing was counted',
      [
        [1, 100, null],
        [2, 100, 0.5],
      ],
      [150],
    ],
    [
      'told without a size for a moment',
      [
        [1, 100, 0.5],
        [2, null, 0.5],
        [3, 100, 0.6],
      ],
      [150, 150, 140],
    ],
  ])('is told as of its size now, 200: %s', (_what, rows, available) => {
    const points = poolPast(rows, 200)
    expect(points.map(({ availableBytes }) => Math.round(availableBytes))).toEqual(available)
    expect(new Set(points.map(({ sizeBytes }) => sizeBytes))).toEqual(new Set([200]))
  })

  it('goes on filling when it is made larger', () => {
    const usedBytes = (at: number): number => (50 + at) * gigabyte
    const sizeBytes = (at: number): number => (at < 60 ? 100 : 200) * gigabyte
    const rows = Array.from({ length: 72 }, (_, at) => [at * hour, sizeBytes(at), usedBytes(at) / sizeBytes(at)])
    const { trends, lowBytes } = spacePast(poolPast(rows, 200 * gigabyte))
    expect(trends.map(({ bytesPerDay }) => Math.round(bytesPerDay / gigabyte))).toEqual([24, 24, 24])
    expect(lowBytes).toBeCloseTo(79 * gigabyte, -3)
  })
})
