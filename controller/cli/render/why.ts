import type { WhyView } from '../../api/views.js'
import { subjectText } from '../../model/finding.js'
import { severityTone } from './alert-list.js'
import { age } from './figures.js'
import { line, type Look, span } from './look.js'
import { notes } from './notes.js'
import { type Column, renderTable } from './table.js'

/** Everything known that bears on one VM, the weightiest first. */
export function renderWhy(why: WhyView, look: Look): string[] {
  const { name, host, state, reasons, leftOut, simulated } = why
  const urgent = reasons.filter(({ severity }) => severity !== 'info').length
  return [
    line([span(name, 'bold'), span(` on ${host}: ${state}; `), verdict(urgent)], look),
    '',
    ...renderTable(reasons, columns(why, look.now), look),
    ...notes(
      [
        leftOut === undefined ? undefined : `${leftOut} more of little weight`,
        simulated ? 'simulated: not a real VM' : undefined,
      ],
      look,
    ),
  ]
}

function verdict(urgent: number): ReturnType<typeof span> {
  if (urgent === 0) return span('nothing that needs somebody', 'good')
  return span(urgent === 1 ? 'one thing needs somebody' : `${urgent} things need somebody`, 'warning')
}

type Row = WhyView['reasons'][number]

function columns({ uuid }: WhyView, now: number): readonly Column<Row>[] {
  return [
    { head: 'WEIGHT', drop: 0, cell: ({ severity }) => span(severity, severityTone[severity]) },
    { head: 'WHAT', drop: 2, shrinkTo: 14, cell: ({ topic, check }) => check ?? topic },
    {
      head: 'ABOUT',
      drop: 1,
      shrinkTo: 12,
      cell: ({ subject }) => (subject.kind === 'vm' && subject.id === uuid ? 'it' : subjectText(subject)),
    },
    { head: 'AGE', align: 'right', drop: 3, cell: ({ since }) => (since === undefined ? '' : age(since, now)) },
    { head: 'WHY', drop: 0, shrinkTo: 30, wrap: true, cell: ({ says }) => says },
  ]
}
