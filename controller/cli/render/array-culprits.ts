import type { ArrayCacheView } from '../../api/views.js'
import { absentMark, clockTime, perSecond, percent, rate } from './figures.js'
import { line, type Look, paragraph, type Span, span } from './look.js'
import { section } from './section.js'
import type { Column } from './table.js'

type Culprits = ArrayCacheView['culprits']
type Suspect = Culprits['suspects'][number]
type Member = Suspect['members'][number]

/** Who makes others wait, whom a sort by bytes would blame, who waits, and what would help. */
export function culpritSections({ culprits, remedies }: ArrayCacheView, look: Look): string[] {
  const { incidentSince, suspects, victims, mostBytes } = culprits
  const title =
    incidentSince === undefined
      ? 'Who does more than usual'
      : `Who makes others wait, since ${timeOf(incidentSince, look)}`
  return [
    ...section(title, suspects, suspectColumns(look), look),
    ...(suspects.length > 0 && mostBytes !== undefined ? paragraph(bytesWords(culprits, mostBytes), look, 'dim') : []),
    ...section('Who waits', victims.slice(0, mostVictims), victimColumns, look),
    ...(remedies.length === 0
      ? []
      : [
          '',
          line([span('What would help', 'bold'), span(' – headroom alert remedy sets limits', 'dim')], look),
          ...remedies.flatMap(({ text }) => paragraph(`- ${text}`, look, 'plain')),
        ]),
  ]
}

const mostVictims = 10

const confidences = {
  high: span('surely', 'critical'),
  medium: span('likely', 'warning'),
  low: span('perhaps', 'dim'),
} as const

function bytesWords({ suspects: [first] }: Culprits, mostBytes: Member): string {
  const isFirst = first?.members.some(({ id }) => id === mostBytes.id) === true
  return `sorted by bytes it would be ${isFirst ? 'the same one' : memberName(mostBytes)}`
}

function suspectColumns(look: Look): readonly Column<Suspect>[] {
  return [
    { head: 'WHO', drop: 0, shrinkTo: 27, cell: who },
    { head: 'SURE', drop: 0, cell: ({ confidence }): Span => confidences[confidence] },
    { head: 'SINCE', drop: 2, cell: ({ since }) => timeOf(since, look) },
    {
      head: 'OWNER',
      drop: 3,
      shrinkTo: 8,
      cell: ({ owner = '', class: of = '' }) => [owner, of].filter((one) => one !== '').join(', '),
    },
    { head: 'INFLOW', align: 'right', drop: 1, cell: ({ shareOfInflow }) => percent(shareOfInflow) },
    { head: 'REQUESTS', align: 'right', drop: 4, cell: ({ shareOfRequests }) => percent(shareOfRequests) },
    { head: 'WAITS', align: 'right', drop: 1, cell: ({ shareOfWait }) => percent(shareOfWait) },
    { head: 'WRITES', align: 'right', drop: 5, cell: ({ writeBytesPerSecond }) => rate(writeBytesPerSecond) },
    { head: 'READS', align: 'right', drop: 6, cell: ({ readBytesPerSecond }) => rate(readBytesPerSecond) },
    { head: 'PER SECOND', align: 'right', drop: 7, cell: ({ requestsPerSecond }) => perSecond(requestsPerSecond) },
  ]
}

const victimColumns: readonly Column<Culprits['victims'][number]>[] = [
  { head: 'WHO', drop: 0, shrinkTo: 12, cell: memberName },
  {
    head: 'AS LONG AS USUAL',
    align: 'right',
    drop: 0,
    cell: ({ times }) => (times === undefined ? absentMark : `${times.toFixed(times < 10 ? 1 : 0)} times`),
  },
]

function who({ members, isHerd, inCommon, processes }: Suspect): string {
  const [first] = members
  if (isHerd || first === undefined) {
    const names = members.map(({ name }) => name)
    return `${members.length} together${inCommon.length === 0 ? '' : ` (${inCommon.join(', ')})`}: ${names.join(', ')}`
  }
  return `${memberName(first)}${processes.length === 0 ? '' : ` (${processes.join(', ')})`}`
}

function memberName({ kind, name }: Member): string {
  return kind === 'host' ? `${name} itself` : name
}

/** The day is that of the other figures. */
function timeOf(at: number, { timeZone }: Look): string {
  return clockTime(at, timeZone).slice(-8)
}
