import type { AlertHistoryView } from '../../api/views.js'
import { subjectText } from '../../model/finding.js'
import { severityTone } from './alert-list.js'
import { clockTime } from './figures.js'
import { type Look, type Span, span } from './look.js'
import { type Column, renderTable } from './table.js'

/** The table of `alert history`, the oldest first, so that the newest stands beside the prompt. */
export function renderAlertHistory(history: readonly AlertHistoryView[], look: Look): string[] {
  if (history.length === 0) return ['nothing happened to alerts']
  return renderTable(history.toReversed(), [...historyColumns(look), ...aboutColumns], look)
}

/** What happened, when, and by whom. */
export function historyColumns({ timeZone }: Look): readonly Column<AlertHistoryView>[] {
  return [
    { head: 'WHEN', drop: 0, cell: ({ at }) => clockTime(at, timeZone) },
    { head: '#', align: 'right', drop: 1, cell: ({ number }) => String(number) },
    { head: 'WHAT', drop: 0, cell: whatText },
    { head: 'DETAIL', drop: 3, shrinkTo: 10, wrap: true, cell: detailText },
  ]
}

const aboutColumns: readonly Column<AlertHistoryView>[] = [
  { head: 'SUBJECT', drop: 0, shrinkTo: 14, cell: ({ subject }) => subjectText(subject) },
  { head: 'CHECK', drop: 2, shrinkTo: 10, cell: ({ check }) => check },
  { head: 'MESSAGE', drop: 4, shrinkTo: 20, wrap: true, cell: ({ message }) => message },
]

function whatText({ what, severity }: AlertHistoryView): Span {
  switch (what) {
    case 'fired':
      return span(`fired ${severity}`, severityTone[severity])
    case 'severity':
      return span(`now ${severity}`, severityTone[severity])
    case 'acknowledged':
      return span('acknowledged')
    case 'resolved':
      return span('over', 'good')
  }
}

function detailText({ author, detail }: AlertHistoryView): string {
  if (author === undefined) return detail
  return detail === '' ? `by ${author}` : `by ${author}: ${detail}`
}
