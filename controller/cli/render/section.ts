import { line, type Look, span } from './look.js'
import { type Column, renderTable } from './table.js'

/** A titled table after an empty line; nothing at all where there are no rows. */
export function section<Row>(
  title: string,
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  look: Look,
): string[] {
  return rows.length === 0 ? [] : ['', line([span(title, 'bold')], look), ...renderTable(rows, columns, look)]
}
