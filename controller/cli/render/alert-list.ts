import { checkText } from '../../api/check-text.js'
import type { AlertView } from '../../api/views.js'
import { subjectText } from '../../model/finding.js'
import { age } from './figures.js'
import { type Look, type Span, span, type Tone } from './look.js'
import { type Column, renderTable } from './table.js'

/** The table of `alert list`, in the order of the answer, the most severe first; what wants nobody comes after it. */
export function renderAlertList(alerts: readonly AlertView[], what: string, look: Look): string[] {
  if (alerts.length === 0) return [`no alert ${what}`]
  const isQuiet = (alert: AlertView): number => Number(alert.phase === 'firing' && !wantsSomebody(alert))
  const sorted = alerts.toSorted((a, b) => isQuiet(a) - isQuiet(b))
  return renderTable(sorted, columns(look.now), look, rowTone)
}

export const severityTone: Readonly<Record<AlertView['severity'], Tone>> = {
  critical: 'critical',
  warning: 'warning',
  info: 'plain',
}

/** What is known of an alert beside that it fires: `firing`, `acknowledged`, `silenced`, … */
export function alertState(alert: AlertView): Span {
  const { phase, sighting, flapping, acknowledged, silencedBy, wasSilenced, explainedBy } = alert
  if (phase === 'pending') return span('pending', 'dim')
  if (sighting === 'unseen') return span('not seen')
  if (silencedBy !== undefined) return span('silenced', 'dim')
  if (wasSilenced === true) return span('was silenced', 'dim')
  if (explainedBy !== undefined) return span('explained', 'dim')
  if (acknowledged !== undefined) return span('acknowledged', 'dim')
  if (sighting === 'clear') return span(flapping ? 'flapping' : 'ending')
  return flapping ? span('flapping', 'warning') : span('firing', severityTone[alert.severity])
}

/** Whether somebody should still look at it. */
export function wantsSomebody(alert: AlertView): boolean {
  const { phase, severity, acknowledged, silencedBy, wasSilenced, explainedBy } = alert
  const isSilent = silencedBy !== undefined || wasSilenced === true
  const isQuiet = acknowledged !== undefined || isSilent || explainedBy !== undefined
  return phase === 'firing' && severity !== 'info' && !isQuiet
}

function rowTone(alert: AlertView): Tone {
  return wantsSomebody(alert) ? 'plain' : 'dim'
}

function columns(now: number): readonly Column<AlertView>[] {
  return [
    { head: '#', align: 'right', drop: 0, cell: ({ number }) => (number === undefined ? '' : String(number)) },
    { head: 'SEVERITY', drop: 0, cell: ({ severity }) => span(severity, severityTone[severity]) },
    { head: 'STATE', drop: 1, cell: alertState },
    { head: 'FOR', align: 'right', drop: 2, cell: ({ firedAt, startedAt }) => age(firedAt ?? startedAt, now) },
    { head: 'SUBJECT', drop: 0, shrinkTo: 14, cell: ({ subject }) => subjectText(subject) },
    { head: 'CHECK', drop: 3, shrinkTo: 16, cell: checkText },
    { head: 'MESSAGE', drop: 0, shrinkTo: 30, wrap: true, cell: ({ message }) => message },
  ]
}
