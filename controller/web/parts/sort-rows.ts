import { compareNames } from './compare-names.js'

/** What a column sorts by; undefined (not known) always comes last, whichever way the sort goes. */
export type SortValue = string | number | undefined

export interface Sort {
  readonly column: string
  readonly descending: boolean
}

/** Sorted copy; equal rows by `nameOf`, so that a live table does not shuffle them. */
export function sortRows<T>(
  rows: readonly T[],
  valueOf: (row: T) => SortValue,
  descending: boolean,
  nameOf: (row: T) => string,
): readonly T[] {
  return rows
    .map((row) => ({ row, value: valueOf(row) }))
    .sort((a, b) => compared(a.value, b.value, descending) || compareNames(nameOf(a.row), nameOf(b.row)))
    .map(({ row }) => row)
}

function compared(a: SortValue, b: SortValue, descending: boolean): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined)
  const order = typeof a === 'string' || typeof b === 'string' ? compareNames(String(a), String(b)) : a - b
  return descending ? -order : order
}

/** Rows in an order from before, new ones at the end: while someone points at a live table, its rows stay where they are. */
export function inOrderOf<T>(rows: readonly T[], order: readonly string[], keyOf: (row: T) => string): readonly T[] {
  const places = new Map(order.map((key, index) => [key, index]))
  return rows.toSorted((a, b) => (places.get(keyOf(a)) ?? order.length) - (places.get(keyOf(b)) ?? order.length))
}

/** The sort after a click on a column: numbers begin with the largest, names with A; a second click turns it round. */
export function nextSort(current: Sort, column: string, numeric: boolean): Sort {
  return current.column === column ? { column, descending: !current.descending } : { column, descending: numeric }
}
