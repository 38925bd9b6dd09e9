import { formatBytes } from '../../../common/units.js'
import type { ArrayView } from '../../api/views.js'
import { blamedName, fillPercent, roomAtOnce } from './array-glance.js'
import { cacheState } from './array-detail.js'
import { figure, latency, perSecond, rate, sum } from './figures.js'
import type { Look } from './look.js'
import { notes, simulatedFleet } from './notes.js'
import { byName } from './order.js'
import { type Column, renderTable } from './table.js'

/** The table of `array list`, by name. */
export function renderArrayList(arrays: readonly ArrayView[], simulated: boolean, look: Look): string[] {
  if (arrays.length === 0) return ['no arrays: no VM with a disk is known']
  const sorted = [...arrays].sort((a, b) => byName(a.name, b.name))
  return [...renderTable(sorted, columns, look), ...notes([simulated ? simulatedFleet : undefined], look)]
}

const columns: readonly Column<ArrayView>[] = [
  { head: 'NAME', drop: 0, shrinkTo: 16, cell: ({ name }) => name },
  { head: 'KIND', drop: 5, cell: ({ kind }) => kind },
  { head: 'SIZE', align: 'right', drop: 4, cell: ({ sizeBytes }) => figure(sizeBytes, formatBytes) },
  { head: 'HOSTS', align: 'right', drop: 3, cell: ({ hosts }) => String(hosts.length) },
  { head: 'VMS', align: 'right', drop: 0, cell: ({ vms }) => String(vms.length) },
  { head: 'CACHE', drop: 2, cell: ({ cache }) => cacheState(cache) },
  { head: 'FILL', align: 'right', drop: 3, cell: ({ cache }) => fillPercent(cache) },
  { head: 'TAKES', align: 'right', drop: 5, cell: ({ cache }) => roomAtOnce(cache) },
  { head: 'BLAMED', drop: 4, shrinkTo: 10, cell: ({ cache }) => blamedName(cache) },
  { head: 'READ', align: 'right', drop: 2, cell: ({ metrics }) => rate(metrics['readBytesPerSecond']) },
  { head: 'WRITE', align: 'right', drop: 0, cell: ({ metrics }) => rate(metrics['writeBytesPerSecond']) },
  {
    head: 'REQUESTS',
    align: 'right',
    drop: 6,
    cell: ({ metrics }) => perSecond(sum(metrics['readRequestsPerSecond'], metrics['writeRequestsPerSecond'])),
  },
  { head: 'R LAT', align: 'right', drop: 7, cell: ({ metrics }) => latency(metrics['readLatencyMs']) },
  { head: 'W LAT', align: 'right', drop: 1, cell: ({ metrics }) => latency(metrics['writeLatencyMs']) },
  { head: 'KEY', drop: 8, shrinkTo: 20, cell: ({ key }) => key },
]
