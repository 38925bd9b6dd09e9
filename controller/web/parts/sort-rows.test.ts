import { describe, expect, it } from 'vitest'
import { inOrderOf, nextSort, sortRows } from './sort-rows.js'

const rows = [
  { name: 'b', rate: 5 },
  { name: 'a', rate: 5 },
  { name: 'c', rate: undefined },
  { name: 'd', rate: 0 },
]
const names = (sorted: readonly { name: string }[]) => sorted.map((row) => row.name).join('')

describe('sortRows', () => {
  it.each([
    [true, 'abdc'],
    [false, 'dabc'],
  ])('puts the unknown last and equal ones by name (descending %s)', (descending, order) => {
    expect(
      names(
        sortRows(
          rows,
          (row) => row.rate,
          descending,
          (row) => row.name,
        ),
      ),
    ).toBe(order)
  })

  it('sorts names with numbers as people do', () => {
    const hosts = ['hv10', 'hv2', 'hv1'].map((name) => ({ name }))
    const sorted = sortRows(
      hosts,
      (row) => row.name,
      false,
      (row) => row.name,
    )
    expect(sorted.map((row) => row.name)).toEqual(['hv1', 'hv2', 'hv10'])
  })
})

it('holds an order, with new rows at the end', () => {
  expect(names(inOrderOf(rows, ['d', 'c', 'b'], (row) => row.name))).toBe('dcba')
})

it.each([
  [{ column: 'name', descending: false }, 'name', false, { column: 'name', descending: true }],
  [{ column: 'name', descending: false }, 'rate', true, { column: 'rate', descending: true }],
  [{ column: 'rate', descending: true }, 'name', false, { column: 'name', descending: false }],
])('goes from %j by %s', (current, column, numeric, next) => {
  expect(nextSort(current, column, numeric)).toEqual(next)
})
