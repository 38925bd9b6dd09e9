import type { AgentView } from '../../api/views.js'
import { absentMark, age, clockTime, figure, memory } from './figures.js'
import { type Look, type Span, span } from './look.js'
import { byName } from './order.js'
import { section } from './section.js'
import { type Column, renderTable } from './table.js'

/** The table of `agent list`, by name, the hosts that wait for a grant and the collectors that fail. */
export function renderAgentList(agents: readonly AgentView[], look: Look): string[] {
  if (agents.length === 0) return ['no agents are enrolled']
  const sorted = [...agents].sort((a, b) => byName(a.name, b.name))
  const failing = sorted.flatMap(({ name, collectors }) =>
    collectors.filter(({ success }) => !success).map((collector) => ({ agent: name, ...collector })),
  )
  const waiting = sorted.flatMap(({ name, enrolment }) =>
    (enrolment?.refusedHosts ?? []).map((host) => ({ agent: name, host: host.name, id: host.id })),
  )
  return [
    ...renderTable(sorted, columns(look), look, ({ connected }) => (connected ? 'plain' : 'dim')),
    ...section('Hosts without a grant: headroom agent grant AGENT HOST', waiting, waitingColumns, look),
    ...section('Failing collectors', failing, failingColumns, look),
  ]
}

function columns({ now, timeZone }: Look): readonly Column<AgentView>[] {
  return [
    { head: 'NAME', drop: 0, shrinkTo: 16, cell: ({ name }) => name },
    {
      head: 'STATUS',
      drop: 0,
      cell: ({ connected, enrolment }) =>
        enrolment?.revokedAt !== undefined
          ? span('revoked', 'dim')
          : connected
            ? span('connected', 'good')
            : span('away', 'critical'),
    },
    { head: 'FOR', align: 'right', drop: 2, cell: ({ since }) => age(since, now) },
    { head: 'HOSTS', align: 'right', drop: 1, cell: ({ hosts }) => String(hosts.length) },
    { head: 'GRANTED', drop: 3, shrinkTo: 8, cell: ({ enrolment }) => grantedHosts(enrolment) },
    {
      head: 'CERTIFICATE',
      drop: 2,
      cell: ({ enrolment }) => certificateEnd(enrolment?.certificateEndsAt, now, timeZone),
    },
    { head: 'SPOOLED', align: 'right', drop: 4, cell: ({ spoolReports }) => String(spoolReports) },
    {
      head: 'DROPPED',
      align: 'right',
      drop: 3,
      cell: ({ droppedReports }) => span(String(droppedReports), droppedReports > 0 ? 'warning' : 'plain'),
    },
    { head: 'SKIPPED', align: 'right', drop: 6, cell: ({ skippedTicks }) => String(skippedTicks) },
    { head: 'MEMORY', align: 'right', drop: 7, cell: ({ rssBytes }) => memory(rssBytes) },
    {
      head: 'CLOCK',
      align: 'right',
      drop: 5,
      cell: ({ clockOffsetMs }) => figure(clockOffsetMs, (ms) => `${Math.round(ms)} ms`),
    },
    { head: 'VERSION', drop: 8, shrinkTo: 8, cell: ({ version }) => version },
    { head: 'ID', drop: 9, cell: ({ id }) => id },
  ]
}

function grantedHosts(enrolment: AgentView['enrolment']): string {
  if (enrolment === undefined) return absentMark
  if (enrolment.anyHost) return 'any'
  return enrolment.grantedHosts.map(({ name }) => name).join(', ') || 'none'
}

/** The day on which it ends; coloured once it has. */
function certificateEnd(at: number | undefined, now: number, timeZone: string | undefined): Span {
  const day = clockTime(at, timeZone).slice(0, 10)
  return at !== undefined && at < now ? span(`ended ${day}`, 'critical') : span(day)
}

interface WaitingHost {
  readonly agent: string
  readonly host: string
  readonly id: string
}

const waitingColumns: readonly Column<WaitingHost>[] = [
  { head: 'AGENT', drop: 0, shrinkTo: 12, cell: ({ agent }) => agent },
  { head: 'HOST', drop: 0, shrinkTo: 12, cell: ({ host }) => host },
  { head: 'HOST ID', drop: 1, cell: ({ id }) => id },
]

const failingColumns: readonly Column<AgentView['collectors'][number] & { readonly agent: string }>[] = [
  { head: 'AGENT', drop: 0, shrinkTo: 12, cell: ({ agent }) => agent },
  { head: 'COLLECTOR', drop: 0, shrinkTo: 12, cell: ({ name }) => name },
  { head: 'WHY', drop: 0, shrinkTo: 20, wrap: true, cell: ({ error }) => error },
]
