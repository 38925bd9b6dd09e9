import type { AgentView } from '../../api/views.js'
import { age, figure, memory } from './figures.js'
import { type Look, span } from './look.js'
import { byName } from './order.js'
import { section } from './section.js'
import { type Column, renderTable } from './table.js'

/** The table of `agent list`, by name, and the collectors that fail. */
export function renderAgentList(agents: readonly AgentView[], look: Look): string[] {
  if (agents.length === 0) return ['no agents are enrolled']
  const sorted = [...agents].sort((a, b) => byName(a.name, b.name))
  const failing = sorted.flatMap(({ name, collectors }) =>
    collectors.filter(({ success }) => !success).map((collector) => ({ agent: name, ...collector })),
  )
  return [
    ...renderTable(sorted, columns(look.now), look, ({ connected }) => (connected ? 'plain' : 'dim')),
    ...section('Failing collectors', failing, failingColumns, look),
  ]
}

function columns(now: number): readonly Column<AgentView>[] {
  return [
    { head: 'NAME', drop: 0, shrinkTo: 16, cell: ({ name }) => name },
    {
      head: 'STATUS',
      drop: 0,
      cell: ({ connected }) => (connected ? span('connected', 'good') : span('away', 'critical')),
    },
    { head: 'FOR', align: 'right', drop: 2, cell: ({ since }) => age(since, now) },
    { head: 'HOSTS', align: 'right', drop: 1, cell: ({ hosts }) => String(hosts.length) },
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

const failingColumns: readonly Column<AgentView['collectors'][number] & { readonly agent: string }>[] = [
  { head: 'AGENT', drop: 0, shrinkTo: 12, cell: ({ agent }) => agent },
  { head: 'COLLECTOR', drop: 0, shrinkTo: 12, cell: ({ name }) => name },
  { head: 'WHY', drop: 0, shrinkTo: 20, wrap: true, cell: ({ error }) => error },
]
