import { describe, expect, it } from 'vitest'
import {
  appendLive,
  beginningOf,
  drawnTable,
  emptyTable,
  lonePoints,
  rowOf,
  summaryOf,
  withHistory,
} from './series-table.js'
import type { Row } from './series-table.js'

const table = (fields: readonly string[], ...rows: Row[]) => ({ fields, rows })
/** Rows every `step` ms with the values given. */
const every = (step: number, ...values: (number | null)[]): Row[] => values.map((value, i) => [i * step, value])

describe('rowOf', () => {
  it('has null for what is absent, also when the prototype has such a name', () => {
    expect(rowOf(['cpuCores', 'readLatencyMs', 'toString'], 5, { cpuCores: 0 })).toEqual([5, 0, null, null])
  })
})

describe('appendLive', () => {
  it('puts values of one step together as their mean, in which the absent has no part', () => {
    let live = emptyTable(['a', 'b'])
    for (const row of [
      [1000, 1, null],
      [2000, 3, 5],
      [9999, null, null],
    ] as const)
      live = appendLive(live, row, 10_000, 0)
    expect(live.rows).toEqual([[0, 2, 5]])
    live = appendLive(live, [10_000, 7, null], 10_000, 0)
    expect(live.rows).toEqual([
      [0, 2, 5],
      [10_000, 7, null],
    ])
  })

  it('does not add the same moment twice, nor what is older', () => {
    const live = appendLive(emptyTable(['a']), [12_000, 1], 10_000, 0)
    expect(appendLive(live, [12_000, 9], 10_000, 0)).toBe(live)
    expect(appendLive(live, [11_000, 9], 10_000, 0)).toBe(live)
    expect(appendLive(live, [5000, 9], 10_000, 0)).toBe(live)
  })

  it('goes on with the last step of history', () => {
    expect(appendLive(table(['a'], [0, 1], [10_000, 4]), [15_000, 6], 10_000, 0).rows).toEqual([
      [0, 1],
      [10_000, 5],
    ])
  })

  it('drops what is too old', () => {
    expect(appendLive(table(['a'], [0, 1], [10_000, 4]), [25_000, 6], 10_000, 5000).rows).toEqual([
      [10_000, 4],
      [20_000, 6],
    ])
  })
})

describe('withHistory', () => {
  it('sorts history and goes on with the live rows after it', () => {
    const live = table(['a'], [2000, 20], [3000, 30])
    const history: Row[] = [
      [2000, 2],
      [1000, 1],
    ]
    expect(withHistory(live, history).rows).toEqual([
      [1000, 1],
      [2000, 2],
      [3000, 30],
    ])
  })

  it('goes on adding to a live step that is newer than history, and not to one that history has', () => {
    const live = appendLive(emptyTable(['a']), [12_000, 2], 10_000, 0)
    expect(appendLive(withHistory(live, [[0, 9]]), [13_000, 4], 10_000, 0).rows).toEqual([
      [0, 9],
      [10_000, 3],
    ])
    expect(appendLive(withHistory(live, [[10_000, 8]]), [13_000, 4], 10_000, 0).rows).toEqual([[10_000, 6]])
  })

  it('leaves out rows of another width', () => {
    expect(withHistory(emptyTable(['a', 'b']), [[1, 1], [2, 1, 2], [3]]).rows).toEqual([[2, 1, 2]])
  })
})

describe('drawnTable', () => {
  it('bridges a step or two left out, and breaks at a pause', () => {
    const drawn = drawnTable(table(['a'], ...every(10, 1, 2, null, 4, 5, null, null, null, 9)), 10)
    expect(drawn.columns).toEqual([[1, 2, undefined, 4, 5, null, null, null, 9]])
  })

  it('breaks where rows are missing altogether', () => {
    const drawn = drawnTable(table(['a'], [0, 1], [10, 2], [20, 3], [100, 4], [110, 5]), 10)
    expect(drawn.times).toEqual([0, 10, 20, 30, 100, 110])
    expect(drawn.columns).toEqual([[1, 2, 3, null, 4, 5]])
  })

  it('takes the spacing from the data: a fleet with an interval of a minute has no gaps at a step of 10 s', () => {
    const sparse = every(60, 1, 2, 3, 4)
    expect(drawnTable(table(['a'], ...sparse), 10).columns).toEqual([[1, 2, 3, 4]])
    const filled = every(10, 1, null, null, null, null, null, 2, null, null, null, null, null, 3)
    expect(drawnTable(table(['a'], ...filled), 10).columns[0]).not.toContain(null)
  })

  it('lets a rare field be rare beside frequent ones, and no other', () => {
    const rows: Row[] = Array.from({ length: 13 }, (_, i) => [i * 10, i, i % 6 === 0 ? i : null])
    const [often, rare] = drawnTable(table(['often', 'rare'], ...rows), 10, ['rare']).columns
    expect(often).not.toContain(null)
    expect(rare).not.toContain(null)
    expect(rare?.filter((value) => value !== undefined)).toEqual([0, 6, 12])
    const seldomBusy = drawnTable(table(['often', 'latency'], ...rows), 10).columns[1]
    expect(seldomBusy?.slice(0, 7)).toEqual([0, null, null, null, null, null, 6])
  })

  it('does not take two values far apart for a line', () => {
    const rows: Row[] = Array.from({ length: 100 }, (_, i) => [i * 10, i, i === 0 || i === 99 ? 1 : null])
    expect(drawnTable(table(['often', 'twice'], ...rows), 10, ['twice']).columns[1]?.slice(1, 99)).toEqual(
      Array.from({ length: 98 }, () => null),
    )
  })

  it('draws nothing from nothing', () => {
    expect(drawnTable(emptyTable(['a']), 10)).toEqual({ times: [], columns: [[]] })
  })
})

it.each([
  [[1, null, 3, undefined, 2], { latest: 2, min: 1, max: 3 }],
  [[1, 5, null], { latest: undefined, min: 1, max: 5 }],
  [[null], { latest: undefined, min: undefined, max: undefined }],
  [[], { latest: undefined, min: undefined, max: undefined }],
])('sums up %j', (column, summary) => {
  expect(summaryOf(column)).toEqual(summary)
})

it.each([
  [
    [1, null, 3, 4, null, 5],
    [0, 5],
  ],
  [[null, 2, null], [1]],
  [[1, undefined, 2], []],
])('finds lone points of %j', (column, lone) => {
  expect(lonePoints(column)).toEqual(lone)
})

it.each([
  [[], undefined],
  [[[1, null]], undefined],
  [
    [
      [1, null],
      [2, 0],
    ],
    2,
  ],
])('knows where %j begins', (rows, at) => {
  expect(beginningOf({ fields: ['a'], rows })).toBe(at)
})
