import type { VmView } from '../../api/views.js'
import { cores, figure, latency, memory, rate, sum } from './figures.js'
import { type Look, type Span, span, type Tone } from './look.js'
import { notes, simulatedNote, staleNote } from './notes.js'
import { byName } from './order.js'
import { type Column, renderTable } from './table.js'

/** The table of `vm list`: by host, then by name. */
export function renderVmList(vms: readonly VmView[], look: Look): string[] {
  if (vms.length === 0) return ['no VMs']
  const sorted = [...vms].sort((a, b) => byName(a.host, b.host) || byName(a.name, b.name))
  return [
    ...renderTable(sorted, columns, look, vmTone),
    ...notes([simulatedNote(vms, 'VMs'), staleNote(vms.filter(({ stale }) => stale).length)], look),
  ]
}

/** Stale rows are dimmed: their figures are the last known ones. */
export function vmTone({ stale }: Pick<VmView, 'stale'>): Tone {
  return stale ? 'dim' : 'plain'
}

/** `running`, `crashed`, `running, stale`, `running, doubled`. */
export function vmState({ state, stale, doubled }: Pick<VmView, 'state' | 'stale' | 'doubled'>): Span {
  const text = [state, ...(doubled ? ['doubled'] : []), ...(stale ? ['stale'] : [])].join(', ')
  return span(
    text,
    doubled || state === 'crashed' ? 'critical' : stale ? 'dim' : state === 'running' ? 'good' : 'plain',
  )
}

const columns: readonly Column<VmView>[] = [
  { head: 'NAME', drop: 0, shrinkTo: 16, cell: ({ name }) => name },
  { head: 'HOST', drop: 3, shrinkTo: 12, cell: ({ host }) => host },
  { head: 'STATE', drop: 0, cell: vmState },
  { head: 'VCPUS', align: 'right', drop: 9, cell: ({ vcpus }) => figure(vcpus, String) },
  { head: 'CPU', align: 'right', drop: 5, cell: ({ cpuCores }) => cores(cpuCores) },
  { head: 'MEMORY', align: 'right', drop: 1, cell: ({ memoryBytes }) => memory(memoryBytes) },
  { head: 'READ', align: 'right', drop: 4, cell: ({ readBytesPerSecond }) => rate(readBytesPerSecond) },
  { head: 'WRITE', align: 'right', drop: 2, cell: ({ writeBytesPerSecond }) => rate(writeBytesPerSecond) },
  { head: 'R LAT', align: 'right', drop: 8, cell: ({ readLatencyMs }) => latency(readLatencyMs) },
  { head: 'W LAT', align: 'right', drop: 6, cell: ({ writeLatencyMs }) => latency(writeLatencyMs) },
  {
    head: 'NET',
    align: 'right',
    drop: 7,
    cell: ({ receiveBytesPerSecond, transmitBytesPerSecond }) =>
      rate(sum(receiveBytesPerSecond, transmitBytesPerSecond)),
  },
  { head: 'GROUP', drop: 10, shrinkTo: 10, cell: ({ group }) => group ?? '' },
  { head: 'OWNER', drop: 11, shrinkTo: 10, cell: ({ owner }) => owner ?? '' },
  { head: 'UUID', drop: 12, cell: ({ uuid }) => uuid },
]
