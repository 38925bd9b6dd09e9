import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'

import { type Look, span } from './look.js'
import { displayWidth } from './plain-text.js'
import { type Column, renderPairs, renderTable } from './table.js'

const look = (width: number | undefined, colour = false): Look => ({ width, colour, now: 0, timeZone: 'UTC' })

interface Row {
  readonly name: string
  readonly size: string
  readonly note: string
}

const columns: readonly Column<Row>[] = [
  { head: 'NAME', drop: 0, shrinkTo: 4, cell: ({ name }) => name },
  { head: 'SIZE', align: 'right', drop: 1, cell: ({ size }) => size },
  { head: 'NOTE', drop: 2, cell: ({ note }) => span(note, 'critical') },
]
const rows: readonly Row[] = [
  { name: 'bell', size: '1 GiB', note: 'ok' },
  { name: 'secretary', size: '512 MiB', note: 'stale' },
]

test.each([
  [undefined, ['NAME          SIZE  NOTE', 'bell         1 GiB  ok', 'secretary  512 MiB  stale']],
  [25, ['NAME          SIZE  NOTE', 'bell         1 GiB  ok', 'secretary  512 MiB  stale']],
  [22, ['NAME       SIZE  NOTE', 'bell      1 GiB  ok', 'secre…  512 MiB  stale']],
  [18, ['NAME          SIZE', 'bell         1 GiB', 'secretary  512 MiB']],
  [13, ['NAME     SIZE', 'bell    1 GiB', 'sec…  512 MiB']],
  [8, ['NAME', 'bell', 'secreta…']],
  [2, ['NAME', 'bell', 'sec…']],
])('at width %s', (width, lines) => {
  expect(renderTable(rows, columns, look(width))).toEqual(lines)
})

test('a row takes a tone, a cell of its own tone keeps it', () => {
  const [, first] = renderTable(rows, columns, look(undefined, true), () => 'dim')
  expect(first).toContain('\u001b[2mbell\u001b[22m')
  expect(first).toContain('\u001b[31mok\u001b[39m')
})

test('colours do not move columns', () => {
  const plain = renderTable(rows, columns, look(22))
  const coloured = renderTable(rows, columns, look(22, true)).map((text) => stripVTControlCharacters(text).trimEnd())
  expect(coloured).toEqual(plain)
})

test('a cell that wraps makes its row higher', () => {
  const wrapping: readonly Column<Row>[] = [
    { head: 'NAME', drop: 0, cell: ({ name }) => name },
    { head: 'NOTE', drop: 0, shrinkTo: 8, wrap: true, cell: ({ note }) => note },
  ]
  const lines = renderTable([{ name: 'a', size: '', note: 'one two three' }], wrapping, look(14))
  expect(lines).toEqual(['NAME  NOTE', 'a     one two', '      three'])
})

test('a newline in a cell does not begin a row', () => {
  const lines = renderTable([{ name: 'a\nroot', size: '\u001b[2J', note: '' }], columns, look(undefined))
  expect(lines).toEqual(['NAME          SIZE  NOTE', 'a\\x0aroot  \\x1b[2J'])
})

test('wide characters take two columns', () => {
  const lines = renderTable([{ name: '計算機室', size: '1', note: 'x' }], columns, look(16))
  expect(lines.map(displayWidth)).toEqual([16, 13])
})

test('pairs align and leave out what has no value', () => {
  const lines = renderPairs(
    [
      ['Host', 'xenhv01'],
      ['Owner', undefined],
      ['Used in it', span('1 GiB')],
    ],
    look(80),
  )
  expect(lines).toEqual(['Host        xenhv01', 'Used in it  1 GiB'])
})
