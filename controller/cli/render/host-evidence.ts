import type { HostView } from '../../api/views.js'
import { figure, rate } from './figures.js'
import type { Look } from './look.js'
import { section } from './section.js'
import type { Column } from './table.js'

/** What a host tells of arrays besides its own counters: LUNs that it exports, with those who use them, and its busiest processes. */
export function hostEvidenceSections(
  { exports = [], busyProcesses = [] }: Pick<HostView, 'exports' | 'busyProcesses'>,
  look: Look,
): string[] {
  return [
    ...section('Exported LUNs', exports, exportColumns, look),
    ...section('Busiest processes', busyProcesses, processColumns, look),
  ]
}

type Export = NonNullable<HostView['exports']>[number]
type Process = NonNullable<HostView['busyProcesses']>[number]

const exportColumns: readonly Column<Export>[] = [
  { head: 'ARRAY', drop: 0, shrinkTo: 16, cell: ({ arrayKey }) => arrayKey },
  { head: 'LUN', align: 'right', drop: 0, cell: ({ lun }) => lun },
  { head: 'READ', align: 'right', drop: 0, cell: ({ metrics }) => rate(metrics['readBytesPerSecond']) },
  { head: 'WRITE', align: 'right', drop: 0, cell: ({ metrics }) => rate(metrics['writeBytesPerSecond']) },
  { head: 'IN FLIGHT', align: 'right', drop: 2, cell: ({ metrics }) => figure(metrics['inFlight'], String) },
  {
    head: 'USED BY',
    drop: 1,
    shrinkTo: 16,
    cell: ({ sessions }) =>
      sessions
        .map(({ initiator, address }) => [initiator, address].filter((text) => text !== '').join(' at '))
        .join(', '),
  },
  { head: 'BACKED BY', drop: 3, shrinkTo: 12, cell: ({ backing }) => backing },
]

const processColumns: readonly Column<Process>[] = [
  { head: 'PROCESS', drop: 0, shrinkTo: 10, cell: ({ name }) => name },
  { head: 'PID', align: 'right', drop: 1, cell: ({ pid }) => String(pid) },
  { head: 'READ', align: 'right', drop: 0, cell: ({ readBytesPerSecond }) => rate(readBytesPerSecond) },
  { head: 'WRITE', align: 'right', drop: 0, cell: ({ writeBytesPerSecond }) => rate(writeBytesPerSecond) },
]
