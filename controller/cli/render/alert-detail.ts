import type { AlertDetailView, AlertView } from '../../api/views.js'
import { subjectText } from '../../model/finding.js'
import { historyColumns } from './alert-history.js'
import { alertState, severityTone } from './alert-list.js'
import { age, clockTime, figure } from './figures.js'
import { line, type Look, paragraph, type Span, span } from './look.js'
import { notes } from './notes.js'
import { section } from './section.js'
import { type Column, renderPairs } from './table.js'

/** All that is known of one alert, that fires or fired. */
export function renderAlertDetail(number: number, { alert, history }: AlertDetailView, look: Look): string[] {
  const past = section('History', history, historyColumns(look), look)
  if (alert === undefined) return [line([span(`alert ${number} is over`, 'bold')], look), ...past]
  return [
    line([span(`${subjectText(alert.subject)}: `, 'bold'), span(alert.check, 'bold')], look),
    ...paragraph(alert.message, look),
    '',
    ...renderPairs(pairs(alert, look), look),
    ...section('Figures', alert.evidence, evidenceColumns, look),
    ...section('Who has to do with it', alert.related, relatedColumns, look),
    ...past,
    ...notes([noteOf(alert)], look),
  ]
}

function pairs(alert: AlertView, { now, timeZone }: Look): (readonly [string, string | Span | undefined])[] {
  const { severity, firedAt, startedAt, host, group, owners, part, acknowledged } = alert
  return [
    ['Severity', span(severity, severityTone[severity])],
    ['State', alertState(alert)],
    ['Fired', firedAt === undefined ? undefined : `${clockTime(firedAt, timeZone)}, ${age(firedAt, now)} ago`],
    ['First seen', clockTime(startedAt, timeZone)],
    ['Part', part],
    ['Host', host],
    ['Group', group],
    ['Owner', owners.length === 0 ? undefined : owners.join(', ')],
    [
      'Acknowledged',
      acknowledged === undefined
        ? undefined
        : `by ${acknowledged.author}, ${age(acknowledged.at, now)} ago${acknowledged.note === '' ? '' : `: ${acknowledged.note}`}`,
    ],
    ['Silence', alert.silencedBy],
    ['Explained by', alert.explainedBy],
  ]
}

function noteOf({ sighting, flapping }: AlertView): string | undefined {
  if (sighting === 'unseen') return 'nobody can look at present: what tells of it is silent, so it does not end'
  if (flapping) return 'flapping: it came and went so often that it stays until it has been over for long'
  return sighting === 'clear' ? 'it is over, and ends when that has lasted' : undefined
}

const evidenceColumns: readonly Column<AlertView['evidence'][number]>[] = [
  { head: 'OF', drop: 1, shrinkTo: 12, cell: ({ entity }) => entity },
  { head: 'FIGURE', drop: 0, shrinkTo: 12, cell: ({ field }) => field },
  { head: 'VALUE', align: 'right', drop: 0, cell: ({ value }) => figure(value, plainNumber) },
  { head: 'LIMIT', align: 'right', drop: 0, cell: ({ limit }) => figure(limit, plainNumber) },
]

const relatedColumns: readonly Column<AlertView['related'][number]>[] = [
  { head: 'ROLE', drop: 0, cell: ({ role }) => role },
  { head: 'WHO', drop: 0, shrinkTo: 12, cell: (subject) => subjectText(subject) },
]

function plainNumber(value: number): string {
  return String(Number(value.toPrecision(4)))
}
