import type { DiskView, NicView } from '../../api/views.js'
import { absent, formatFigure } from '../format/figures.js'
import { DataTable } from '../parts/data-table.js'
import type { Column } from '../parts/data-table.js'
import { metricColumn } from '../parts/metric-column.js'
import { Link } from '../routing/link.js'
import { arrayPath } from '../routing/routes.js'

const diskColumns: readonly Column<DiskView>[] = [
  {
    key: 'target',
    label: 'Disk',
    sortBy: (disk) => disk.target,
    cell: (disk) => (
      <>
        <strong>{disk.target}</strong>
        {disk.removable && <span class="tag">removable</span>}
        {disk.readOnly && <span class="tag">read-only</span>}
        {disk.format !== undefined && <span class="tag">{disk.format}</span>}
      </>
    ),
  },
  {
    key: 'array',
    label: 'Array',
    sortBy: (disk) => disk.arrayName,
    cell: (disk) =>
      disk.arrayKey === '' ? absent : <Link href={arrayPath(disk.arrayKey)}>{disk.arrayName || disk.arrayKey}</Link>,
  },
  { key: 'unit', label: 'Unit', cell: (disk) => <span class="path">{disk.unit ?? (disk.source || absent)}</span> },
  {
    key: 'capacity',
    label: 'Capacity',
    numeric: true,
    sortBy: (disk) => disk.capacityBytes,
    cell: (disk) => formatFigure(disk.capacityBytes, 'bytes'),
  },
  metricColumn('readBytesPerSecond', 'Read', 'bytes/s'),
  metricColumn('writeBytesPerSecond', 'Write', 'bytes/s'),
  metricColumn('readRequestsPerSecond', 'Read requests', '1/s'),
  metricColumn('writeRequestsPerSecond', 'Write requests', '1/s'),
  metricColumn('readLatencyMs', 'Read latency', 'ms'),
  metricColumn('writeLatencyMs', 'Write latency', 'ms'),
]
const targetOf = (disk: DiskView): string => disk.target

export function DiskTable({ disks }: { readonly disks: readonly DiskView[] }) {
  if (disks.length === 0) return <p class="empty">It has no disks.</p>
  return (
    <DataTable
      caption="Disks"
      columns={diskColumns}
      rows={disks}
      keyOf={targetOf}
      nameOf={targetOf}
      initialSort={{ column: 'target', descending: false }}
    />
  )
}

const nicColumns: readonly Column<NicView>[] = [
  { key: 'device', label: 'Interface', sortBy: (nic) => nic.device, cell: (nic) => <strong>{nic.device}</strong> },
  { key: 'mac', label: 'MAC', cell: (nic) => <span class="path">{nic.mac}</span> },
  { key: 'network', label: 'Network', sortBy: (nic) => nic.network, cell: (nic) => nic.network ?? absent },
  metricColumn('receiveBytesPerSecond', 'Received', 'bytes/s'),
  metricColumn('transmitBytesPerSecond', 'Sent', 'bytes/s'),
  metricColumn('receiveErrorsPerSecond', 'Receive errors', '1/s'),
  metricColumn('transmitErrorsPerSecond', 'Send errors', '1/s'),
]
/** MACs tell interfaces apart even where the device has no name (a VM that is off). */
const nicKey = (nic: NicView): string => `${nic.mac} ${nic.device}`

export function NicTable({ nics }: { readonly nics: readonly NicView[] }) {
  if (nics.length === 0) return <p class="empty">It has no network interfaces.</p>
  return <DataTable caption="Network interfaces" columns={nicColumns} rows={nics} keyOf={nicKey} nameOf={nicKey} />
}
