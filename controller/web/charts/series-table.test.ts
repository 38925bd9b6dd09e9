import { describe, expect, it } from 'vitest'
import { appendRow, drawnTable, emptyTable, lonePoints, rowOf, summaryOf, withHistory } from './series-table.js'
import type { Row } from './series-table.js'

const table = (fields: readonly string[], ...rows: Row[]) => ({ fields, rows })
/** Rows every `step` ms with the values given. */
const every = (step: number, ...values: (number | null)[]): Row[] => values.map((value, i) => [i * step, value])

describe('rowOf', () => {
  it('has null for what is absent, also when the prototype has such a name', () => {
    expect(rowOf(['cpuCores', 'readLatencyMs', 'toString'], 5, { cpuCores: 0 })).toEqual([5, 0, null, null])
  })
})

describe('appendRow', () => {
  it('adds newer rows, drops old ones and refuses what is not newer', () => {
    const start = table(['a'], [1000, 1], [2000, 2])
    expect(appendRow(start, [3000, 3], 1500).rows).toEqual([
      [2000, 2],
      [3000, 3],
    ])
    expect(appendRow(start, [2000, 9], 0)).toBe(start)
    expect(appendRow(emptyTable(['a']), [1, 1], 0).rows).toEqual([[1, 1]])
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

  it('lets a rare field be rare beside frequent ones', () => {
    const rows: Row[] = Array.from({ length: 13 }, (_, i) => [i * 10, i, i % 6 === 0 ? i : null])
    const [often, rare] = drawnTable(table(['often', 'rare'], ...rows), 10).columns
    expect(often).not.toContain(null)
    expect(rare).not.toContain(null)
    expect(rare?.filter((value) => value !== undefined)).toEqual([0, 6, 12])
  })

  it('does not take two values far apart for a line', () => {
    const rows: Row[] = Array.from({ length: 100 }, (_, i) => [i * 10, i, i === 0 || i === 99 ? 1 : null])
    expect(drawnTable(table(['often', 'twice'], ...rows), 10).columns[1]?.slice(1, 99)).toEqual(
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
