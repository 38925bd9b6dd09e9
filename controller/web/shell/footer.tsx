import type { AgentView } from '../../api/views.js'
import { formatDuration } from '../../../common/units.js'
import { absent, formatFigure } from '../format/figures.js'
import { Age } from '../parts/age.js'
import { DataTable } from '../parts/data-table.js'
import type { Column } from '../parts/data-table.js'
import { usePage } from '../state/page-context.js'

const columns: readonly Column<AgentView>[] = [
  {
    key: 'name',
    label: 'Agent',
    sortBy: (agent) => agent.name,
    cell: (agent) => (
      <>
        <strong>{agent.name}</strong> <span class="muted">{agent.version}</span>
      </>
    ),
  },
  {
    key: 'connected',
    label: 'Connection',
    sortBy: (agent) => Number(agent.connected),
    cell: (agent) => (
      <span class={`state state-${agent.connected ? 'good' : 'bad'}`}>
        <span aria-hidden="true">{agent.connected ? '●' : '▲'}</span> {agent.connected ? 'connected' : 'gone'}
        {', '}
        <Age at={agent.since} />
      </span>
    ),
  },
  {
    key: 'clock',
    label: 'Clock off by',
    numeric: true,
    sortBy: (agent) => agent.clockOffsetMs,
    cell: (agent) => formatFigure(agent.clockOffsetMs, 'ms'),
  },
  {
    key: 'spool',
    label: 'Reports waiting',
    numeric: true,
    sortBy: (agent) => agent.spoolReports,
    cell: (agent) => agent.spoolReports,
  },
  {
    key: 'dropped',
    label: 'Reports dropped',
    numeric: true,
    sortBy: (agent) => agent.droppedReports,
    cell: (agent) => agent.droppedReports,
  },
  {
    key: 'skipped',
    label: 'Ticks skipped',
    numeric: true,
    sortBy: (agent) => agent.skippedTicks,
    cell: (agent) => agent.skippedTicks,
  },
  {
    key: 'rss',
    label: 'Memory',
    numeric: true,
    sortBy: (agent) => agent.rssBytes,
    cell: (agent) => formatFigure(agent.rssBytes, 'memory'),
  },
  {
    key: 'collectors',
    label: 'Failing collectors',
    cell: (agent) =>
      agent.collectors
        .filter((collector) => !collector.success)
        .map((collector) => `${collector.name}: ${collector.error}`)
        .join('; ') || 'none',
  },
]
const idOf = (agent: AgentView): string => agent.id
const nameOf = (agent: AgentView): string => agent.name

/** Whether what feeds the page is well: agents, their clocks, the store. */
export function Footer() {
  const agents = usePage((state) => state.agents)
  const fleet = usePage((state) => state.fleet)
  const list = [...agents.values()]
  const connected = list.filter((agent) => agent.connected).length
  return (
    <footer class="bottom">
      <details>
        <summary>
          <span>
            {connected} of {list.length} agents connected
          </span>
          <span>{clockWords(list)}</span>
          <span>{storeWords(fleet)}</span>
          <span>headroom {fleet?.version ?? absent}</span>
        </summary>
        {list.length === 0 ? (
          <p class="empty">No agent has connected yet.</p>
        ) : (
          <DataTable
            caption="Agents"
            columns={columns}
            rows={list}
            keyOf={idOf}
            nameOf={nameOf}
            initialSort={{ column: 'name', descending: false }}
          />
        )}
      </details>
    </footer>
  )
}

function clockWords(agents: readonly AgentView[]): string {
  const [worst] = agents
    .filter((agent) => agent.clockOffsetMs !== undefined)
    .sort((a, b) => Math.abs(b.clockOffsetMs ?? 0) - Math.abs(a.clockOffsetMs ?? 0))
  const offset = Math.abs(worst?.clockOffsetMs ?? 0)
  if (worst === undefined) return 'clocks not compared'
  return offset < 500 ? 'clocks agree' : `clock of ${worst.name} off by ${formatDuration(offset)}`
}

function storeWords(
  fleet: { readonly store: { readonly ok: boolean; readonly problem: string; readonly sizeBytes: number } } | undefined,
): string {
  if (fleet === undefined) return 'store not known'
  const size = formatFigure(fleet.store.sizeBytes, 'bytes')
  return fleet.store.ok ? `store healthy, ${size}` : `store: ${fleet.store.problem}`
}
