import { checkText } from '../../api/check-text.js'
import type { AlertHistoryView } from '../../api/views.js'
import { subjectText } from '../../model/finding.js'
import { severityTone } from './alert-list.js'
import { clockTime } from './figures.js'
import { type Look, type Span, span } from './look.js'
import { type Column, renderTable } from './table.js'

/** The table of `alert history`, the oldest first, so that the newest stands beside the prompt. */
export function renderAlertHistory(history: readonly AlertHistoryView[], look: Look): string[] {
  if (history.length === 0) return ['nothing happened to alerts']
  const columns = [when(look), ...aboutColumns, detail(3), message]
  return renderTable(history.toReversed(), columns, look)
}

/** What happened to one alert, when, and by whom. */
export function ownHistoryColumns(look: Look): readonly Column<AlertHistoryView>[] {
  return [when(look), what, detail(0)]
}

/** What happened to several alerts about one thing. */
export function numberedHistoryColumns(look: Look): readonly Column<AlertHistoryView>[] {
  return [when(look), number, what, { head: 'CHECK', drop: 2, shrinkTo: 10, cell: checkText }, detail(0)]
}

function when({ timeZone }: Look): Column<AlertHistoryView> {
  return { head: 'WHEN', drop: 0, cell: ({ at }) => clockTime(at, timeZone) }
}

const what: Column<AlertHistoryView> = { head: 'WHAT', drop: 0, cell: whatText }

const number: Column<AlertHistoryView> = {
  head: '#',
  align: 'right',
  drop: 0,
  cell: ({ number: ofAlert }) => String(ofAlert),
}

const aboutColumns: readonly Column<AlertHistoryView>[] = [
  number,
  what,
  { head: 'SUBJECT', drop: 0, shrinkTo: 14, cell: ({ subject }) => subjectText(subject) },
  { head: 'CHECK', drop: 2, shrinkTo: 10, cell: checkText },
]

function detail(drop: number): Column<AlertHistoryView> {
  return { head: 'DETAIL', drop, shrinkTo: 10, wrap: true, cell: detailText }
}

const message: Column<AlertHistoryView> = {
  head: 'MESSAGE',
  drop: 4,
  shrinkTo: 30,
  wrap: true,
  cell: ({ message: text }) => text,
}

function whatText({ what, severity }: AlertHistoryView): Span {
  switch (what) {
    case 'fired':
      return span(`fired ${severity}`, severityTone[severity])
    case 'severity':
      return span(`now ${severity}`, severityTone[severity])
    case 'acknowledged':
      return span('acknowledged')
    case 'silenced':
      return span('silenced', 'dim')
    case 'heard':
      return span('silence over')
    case 'resolved':
      return span('over', 'good')
  }
}

function detailText({ author, detail: text }: AlertHistoryView): string {
  if (author === undefined) return text
  return text === '' ? `by ${author}` : `by ${author}: ${text}`
}
