import { checkText } from '../../api/check-text.js'
import { entityName, fieldWords, type NameOf } from '../../evidence/evidence-words.js'
import type { AlertDetailView, AlertView, SilenceView } from '../../api/views.js'
import { subjectText } from '../../model/finding.js'
import { ownHistoryColumns } from './alert-history.js'
import { alertState, severityTone } from './alert-list.js'
import { evidenceFigure } from '../../evidence/evidence-figure.js'
import { age, clockTime, figure } from './figures.js'
import { line, type Look, paragraph, type Span, span } from './look.js'
import { notes } from './notes.js'
import { remedySections } from './remedies.js'
import { section } from './section.js'
import { type Column, renderPairs } from './table.js'

export interface AlertDetail extends AlertDetailView {
  /** The one that covers it. */
  readonly silence?: SilenceView | undefined
}

/** All that is known of one alert, that fires or fired. */
export function renderAlertDetail(number: number, detail: AlertDetail, look: Look): string[] {
  const { alert, history, silence } = detail
  const remedies = remedySections(number, detail, look)
  const past = section('History', history, ownHistoryColumns(look), look)
  if (alert === undefined) {
    const [last] = history
    const about = last === undefined ? '' : ` – ${subjectText(last.subject)}: ${checkText(last)}`
    return [
      line([span(`alert ${number} is over`, 'bold'), span(about)], look),
      ...(last === undefined ? [] : paragraph(last.message, look)),
      ...remedies,
      ...past,
    ]
  }
  return [
    line([span(`${subjectText(alert.subject)}: `, 'bold'), span(alert.check, 'bold')], look),
    ...paragraph(alert.message, look),
    '',
    ...renderPairs(pairs(alert, silence, look), look),
    ...section('Figures', alert.evidence, evidenceColumns(alert), look),
    ...section('Who has to do with it', alert.related, relatedColumns, look),
    ...remedies,
    ...past,
    ...notes([noteOf(alert), whatNext(alert)], look),
  ]
}

function pairs(
  alert: AlertView,
  silence: SilenceView | undefined,
  { now, timeZone }: Look,
): (readonly [string, string | Span | undefined])[] {
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
    [
      'Silenced',
      silence === undefined
        ? alert.silencedBy
        : `until ${clockTime(silence.until, timeZone)} by ${silence.author}: ${silence.reason} (${silence.id})`,
    ],
    ['Explained by', alert.explainedBy],
  ]
}

/** What somebody can do who does not want to hear of it. */
function whatNext({ number, check, silencedBy }: AlertView): string | undefined {
  if (number === undefined || silencedBy !== undefined) return undefined
  return `for a while: headroom alert silence ${number} --for 2h --reason TEXT; on purpose: an exception in the policy, for the rule ${check}`
}

function noteOf({ sighting, flapping }: AlertView): string | undefined {
  if (sighting === 'unseen') return 'nobody can look at present: what tells of it is silent, so it does not end'
  if (flapping) return 'flapping: it came and went so often that it stays until it has been over for long'
  return sighting === 'clear' ? 'it is over, and ends when that has lasted' : undefined
}

type Evidence = AlertView['evidence'][number]

function evidenceColumns({ subject, related }: AlertView): readonly Column<Evidence>[] {
  const nameOf: NameOf = (kind, id) => [subject, ...related].find((one) => one.kind === kind && one.id === id)?.name
  return [
    { head: 'FIGURE', drop: 0, shrinkTo: 16, cell: ({ entity, field }) => fieldWords(entity, field)?.name ?? field },
    { head: 'OF', drop: 1, shrinkTo: 12, cell: ({ entity }) => entityName(entity, nameOf) },
    {
      head: 'VALUE',
      align: 'right',
      drop: 0,
      cell: ({ value, entity, field }) => figure(value, (known) => evidenceFigure(known, entity, field)),
    },
    {
      head: 'LIMIT',
      align: 'right',
      drop: 0,
      cell: ({ limit, entity, field }) => figure(limit, (known) => evidenceFigure(known, entity, field)),
    },
  ]
}

const relatedColumns: readonly Column<AlertView['related'][number]>[] = [
  { head: 'ROLE', drop: 0, cell: ({ role }) => role },
  { head: 'WHO', drop: 0, shrinkTo: 12, cell: (subject) => subjectText(subject) },
]
