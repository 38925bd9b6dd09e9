import { formatFigure } from '../format/figures.js'
import type { Unit } from '../format/figures.js'
import type { Column } from './data-table.js'
import { Known } from './figure.js'

type Measured = { readonly metrics: Readonly<Record<string, number>> }

/** A column of a live metric. */
export function metricColumn<T extends Measured>(field: string, label: string, unit: Unit): Column<T> {
  return {
    key: field,
    label,
    numeric: true,
    sortBy: (row) => row.metrics[field],
    cell: (row) => <Known text={formatFigure(row.metrics[field], unit)} reason={undefined} />,
  }
}
