import type { HostView } from '../../api/views.js'
import { formatFigure } from '../format/figures.js'
import { DataTable } from '../parts/data-table.js'
import type { Column } from '../parts/data-table.js'
import { metricColumn } from '../parts/metric-column.js'

type Export = NonNullable<HostView['exports']>[number]
type Process = NonNullable<HostView['busyProcesses']>[number]

const exportColumns: readonly Column<Export>[] = [
  {
    key: 'array',
    label: 'Array',
    sortBy: (it) => it.arrayKey,
    cell: (it) => <strong class="path">{it.arrayKey}</strong>,
  },
  { key: 'lun', label: 'LUN', numeric: true, cell: (it) => it.lun },
  metricColumn('readBytesPerSecond', 'Read', 'bytes/s'),
  metricColumn('writeBytesPerSecond', 'Write', 'bytes/s'),
  metricColumn('inFlight', 'In flight', 'count'),
  { key: 'users', label: 'Used by', cell: (it) => <span class="path">{it.sessions.map(userOf).join(', ')}</span> },
  { key: 'backing', label: 'Backed by', cell: (it) => <span class="path">{it.backing}</span> },
]

const processColumns: readonly Column<Process>[] = [
  { key: 'name', label: 'Process', sortBy: (it) => it.name, cell: (it) => <strong>{it.name}</strong> },
  { key: 'pid', label: 'PID', numeric: true, cell: (it) => it.pid },
  {
    key: 'read',
    label: 'Read',
    numeric: true,
    sortBy: (it) => it.readBytesPerSecond,
    cell: (it) => formatFigure(it.readBytesPerSecond, 'bytes/s'),
  },
  {
    key: 'write',
    label: 'Write',
    numeric: true,
    sortBy: (it) => it.writeBytesPerSecond,
    cell: (it) => formatFigure(it.writeBytesPerSecond, 'bytes/s'),
  },
]

function userOf({ initiator, address }: Export['sessions'][number]): string {
  return [initiator, address].filter((text) => text !== '').join(' at ')
}

const lunOf = (it: Export): string => `${it.arrayKey} ${it.lun}`
const pidOf = (it: Process): string => String(it.pid)

/** What a host tells of arrays besides its own counters: LUNs that it exports, with those who use them, and its busiest processes. */
export function HostEvidence({ host: { exports = [], busyProcesses = [] } }: { readonly host: HostView }) {
  return (
    <>
      {exports.length > 0 && (
        <section aria-labelledby="exports-title">
          <h2 id="exports-title">Exported LUNs</h2>
          <DataTable caption="Exported LUNs" columns={exportColumns} rows={exports} keyOf={lunOf} nameOf={lunOf} />
        </section>
      )}
      {busyProcesses.length > 0 && (
        <section aria-labelledby="processes-title">
          <h2 id="processes-title">Busiest processes of the host</h2>
          <DataTable
            caption="Busiest processes of the host"
            columns={processColumns}
            rows={busyProcesses}
            keyOf={pidOf}
            nameOf={({ name }) => name}
          />
        </section>
      )}
    </>
  )
}
