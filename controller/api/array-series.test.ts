import { describe, expect, it } from 'vitest'

import { mergeArrayHosts } from './array-series.js'

describe('the history of an array', () => {
  it('adds up rates and takes the longest latency, in order of time', () => {
    const fields = ['writeBytesPerSecond', 'writeLatencyMs', 'inFlight', 'canaryMs']
    const merged = mergeArrayHosts(fields, [
      {
        fields,
        rows: [
          [10, 1, 5, null, null],
          [30, 4, null, 1, 2],
        ],
      },
      {
        fields,
        rows: [
          [10, 2, 3, null, 7],
          [20, 9, 9, 9, 9],
          [30, null, 6, 1, 1],
        ],
      },
      { fields, rows: [] },
    ])
    expect(merged).toEqual({
      fields,
      rows: [
        [10, 3, 5, null, 7],
        [20, 9, 9, 9, 9],
        [30, 4, 6, 2, 2],
      ],
    })
  })

  it('of no host is empty', () => {
    expect(mergeArrayHosts(['canaryMs'], [])).toEqual({ fields: ['canaryMs'], rows: [] })
  })
})
