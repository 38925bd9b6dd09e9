import Table from 'cli-table3'

import { neutralise } from '../../../common/neutralise.js'
import { type Look, paint, type Span, type Tone } from './look.js'
import { displayWidth, truncate, wrap } from './plain-text.js'

/** One column of a table over rows of a kind. */
export interface Column<Row> {
  readonly head: string
  readonly align?: 'left' | 'right'
  /** Columns of the highest number are dropped first where the terminal is narrow; 0 is never dropped. */
  readonly drop: number
  /** A text may be cut to this width, its end shown as `…`, once nothing is left to drop. Without it the column is never cut. */
  readonly shrinkTo?: number
  /** Instead of being cut, a text goes on in the next line. */
  readonly wrap?: true
  readonly cell: (row: Row) => string | Span
}

const gap = 2

interface Drawn<Row> {
  readonly column: Column<Row>
  readonly head: string
  readonly cells: readonly Span[]
  readonly width: number
}

/**
 * Lines of a table that fit the width of the terminal: columns drop by priority, then texts are cut.
 * Cells are neutralised here, before they are measured. `rowTone` colours the cells of a row that have no tone of their own.
 */
export function renderTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  look: Look,
  rowTone: (row: Row) => Tone = () => 'plain',
): string[] {
  const all = columns.map((column): Drawn<Row> => {
    const cells = rows.map((row) => safeCell(column.cell(row), rowTone(row)))
    const head = neutralise(column.head)
    return { column, head, cells, width: Math.max(displayWidth(head), ...cells.map(({ text }) => displayWidth(text))) }
  })
  const shown = fit(all, look.width)
  const table = new Table({
    chars: noBorders,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
    colAligns: shown.map(({ column }) => column.align ?? 'left'),
    head: shown.map(({ head, width }) => paint({ text: truncate(head, width), tone: 'bold' }, look)),
  })
  for (const index of rows.keys()) {
    table.push(
      shown.map(({ column, cells, width }) => {
        const { text, tone } = cells[index] ?? { text: '', tone: 'plain' }
        const lines = column.wrap === true ? wrap(text, width) : [truncate(text, width)]
        return lines.map((one) => paint({ text: one, tone }, look)).join('\n')
      }),
    )
  }
  return table
    .toString()
    .split('\n')
    .map((text) => text.trimEnd())
}

/** Name and value beside each other, names aligned, values wrapped. Pairs without a value are left out. */
export function renderPairs(
  pairs: readonly (readonly [name: string, value: string | Span | undefined])[],
  look: Look,
): string[] {
  const known = pairs.flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }]))
  const nameWidth = Math.max(0, ...known.map(({ name }) => displayWidth(name)))
  const room = look.width === undefined ? Number.POSITIVE_INFINITY : Math.max(10, look.width - nameWidth - gap)
  return known.flatMap(({ name, value }) => {
    const { text, tone } = safeCell(value, 'plain')
    const heading = `${paint({ text: name, tone: 'dim' }, look)}${' '.repeat(nameWidth - displayWidth(name) + gap)}`
    return wrap(text, room).map(
      (one, index) => `${index === 0 ? heading : ' '.repeat(nameWidth + gap)}${paint({ text: one, tone }, look)}`,
    )
  })
}

/** Drops columns until the rest could fit with its texts cut as far as they may be, then cuts the widest texts as far as needed. */
function fit<Row>(all: readonly Drawn<Row>[], width: number | undefined): readonly Drawn<Row>[] {
  if (width === undefined) return all
  let shown = all
  while (total(shown.map(leastWidth)) > width) {
    const last = shown.reduce<Drawn<Row> | undefined>(
      (most, one) => (one.column.drop > (most?.column.drop ?? 0) ? one : most),
      undefined,
    )
    if (last === undefined) break
    shown = shown.filter((one) => one !== last)
  }
  for (let excess = total(shown.map(({ width }) => width)) - width; excess > 0; excess -= 1) {
    const widest = shown
      .filter((one) => one.width > leastWidth(one))
      .reduce<Drawn<Row> | undefined>((most, one) => (one.width > (most?.width ?? 0) ? one : most), undefined)
    if (widest === undefined) break
    shown = shown.map((one) => (one === widest ? { ...one, width: one.width - 1 } : one))
  }
  return shown
}

function leastWidth<Row>({ column, width }: Drawn<Row>): number {
  return Math.min(width, column.shrinkTo ?? width)
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, 0) + gap * Math.max(0, widths.length - 1)
}

function safeCell(cell: string | Span, rowTone: Tone): Span {
  const { text, tone } = typeof cell === 'string' ? { text: cell, tone: rowTone } : cell
  return { text: neutralise(text), tone: tone === 'plain' ? rowTone : tone }
}

const noBorders = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: ' '.repeat(gap),
} as const
