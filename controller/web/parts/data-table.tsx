import type { ComponentChildren } from 'preact'
import { useMemo, useRef, useState } from 'preact/hooks'
import { inOrderOf, nextSort, sortRows } from './sort-rows.js'
import type { Sort, SortValue } from './sort-rows.js'

export interface Column<T> {
  readonly key: string
  readonly label: string
  readonly numeric?: true
  /** What to sort by; a column without it cannot be sorted by. */
  readonly sortBy?: (row: T) => SortValue
  /** What the cell shows, from the row alone. */
  readonly cell: (row: T) => ComponentChildren
}

export interface DataTableProps<T> {
  readonly caption: string
  /** The same array each time: rows are drawn again only when they change. The first column names the row. */
  readonly columns: readonly Column<T>[]
  readonly rows: readonly T[]
  readonly keyOf: (row: T) => string
  readonly nameOf: (row: T) => string
  readonly initialSort?: Sort
  /** True: the row's values are from before and no longer current. */
  readonly isStale?: (row: T) => boolean
}

/** Rows shown at first; more at a click, so that thousands do not slow the page. */
const pageSize = 200

/**
 * A table that sorts by its columns; where it is narrow each row becomes a block with labels. Roles are spelled out because browsers drop a
 * table's own when its display changes. While it is pointed at, rows keep their places.
 */
export function DataTable<T>(props: DataTableProps<T>) {
  const { columns, rows, keyOf, nameOf } = props
  const sortable = columns.filter((column) => column.sortBy !== undefined)
  const [sort, setSort] = useState<Sort>(props.initialSort ?? { column: '', descending: false })
  const [limit, setLimit] = useState(pageSize)
  const [held, setHeld] = useState(false)
  const order = useRef<readonly string[]>([])

  const sorted = useMemo(() => {
    if (held) return inOrderOf(rows, order.current, keyOf)
    const sortBy = columns.find((column) => column.key === sort.column)?.sortBy
    return sortBy === undefined ? rows : sortRows(rows, sortBy, sort.descending, nameOf)
  }, [rows, columns, sort, held, keyOf, nameOf])
  order.current = sorted.map(keyOf)

  function sortOn(column: Column<T>): void {
    setHeld(false)
    setSort(nextSort(sort, column.key, column.numeric === true))
  }

  return (
    <div class="table-frame" onPointerLeave={() => setHeld(false)}>
      {sortable.length > 1 && (
        <label class="sort-choice">
          Sort by{' '}
          <select
            value={sort.column}
            onChange={(event) => {
              const chosen = sortable.find((column) => column.key === event.currentTarget.value)
              if (chosen !== undefined) setSort({ column: chosen.key, descending: chosen.numeric === true })
            }}
          >
            {sortable.map((column) => (
              <option key={column.key} value={column.key}>
                {column.label}
              </option>
            ))}
          </select>
        </label>
      )}
      <table role="table">
        <caption class="visually-hidden">{props.caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((column) => (
              <HeadCell key={column.key} column={column} sort={sort} onSort={() => sortOn(column)} />
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup" onPointerEnter={() => setHeld(true)}>
          {sorted.slice(0, limit).map((row) => (
            <BodyRow key={keyOf(row)} row={row} columns={columns} stale={props.isStale?.(row) === true} />
          ))}
        </tbody>
      </table>
      {sorted.length > limit && (
        <button type="button" class="more" onClick={() => setLimit(limit + pageSize)}>
          Show {Math.min(pageSize, sorted.length - limit)} more of {sorted.length}
        </button>
      )}
    </div>
  )
}

function HeadCell<T>({
  column,
  sort,
  onSort,
}: {
  readonly column: Column<T>
  readonly sort: Sort
  readonly onSort: () => void
}) {
  const name = column.numeric === true ? 'numeric' : undefined
  if (column.sortBy === undefined) {
    return (
      <th role="columnheader" scope="col" class={name}>
        {column.label}
      </th>
    )
  }
  const mine = sort.column === column.key
  const direction = sort.descending ? 'descending' : 'ascending'
  return (
    <th role="columnheader" scope="col" class={name} aria-sort={mine ? direction : 'none'}>
      <button type="button" onClick={onSort}>
        {column.label}
        <span class="sort-mark" aria-hidden="true">
          {mine ? (sort.descending ? '▼' : '▲') : ''}
        </span>
      </button>
    </th>
  )
}

function BodyRow<T>({
  row,
  columns,
  stale,
}: {
  readonly row: T
  readonly columns: readonly Column<T>[]
  readonly stale: boolean
}) {
  return useMemo(
    () => (
      <tr role="row" class={stale ? 'stale' : undefined}>
        {columns.map((column, index) =>
          index === 0 ? (
            <th key={column.key} role="rowheader" scope="row">
              {column.cell(row)}
            </th>
          ) : (
            <td
              key={column.key}
              role="cell"
              class={column.numeric === true ? 'numeric' : undefined}
              data-label={column.label}
            >
              {column.cell(row)}
            </td>
          ),
        )}
      </tr>
    ),
    [row, columns, stale],
  )
}
