import { formatDuration } from '../../../common/units.js'
import type { SilenceView } from '../../api/views.js'
import type { Look } from './look.js'
import { type Column, renderTable } from './table.js'

/** The table of `alert silence list`, the first to end first. */
export function renderSilenceList(silences: readonly SilenceView[], look: Look): string[] {
  if (silences.length === 0) return ['nothing is silenced']
  const sorted = [...silences].sort((a, b) => a.until - b.until)
  return renderTable(sorted, columns(look.now), look)
}

function columns(now: number): readonly Column<SilenceView>[] {
  return [
    { head: 'ID', drop: 0, cell: ({ id }) => id },
    { head: 'ENDS IN', align: 'right', drop: 0, cell: ({ until }) => formatDuration(Math.max(0, until - now)) },
    { head: 'CHECK', drop: 0, shrinkTo: 8, cell: ({ check = 'any' }) => check },
    { head: 'SUBJECT', drop: 0, shrinkTo: 12, cell: ({ subject = 'any' }) => subject },
    { head: 'BY', drop: 2, shrinkTo: 8, cell: ({ author }) => author },
    { head: 'REASON', drop: 1, shrinkTo: 12, wrap: true, cell: ({ reason }) => reason },
  ]
}
