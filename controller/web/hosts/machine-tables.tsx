import type { HostView } from '../../api/views.js'
import { formatFigure } from '../format/figures.js'
import { DataTable } from '../parts/data-table.js'
import type { Column } from '../parts/data-table.js'
import { Meter } from '../parts/meter.js'
import { metricColumn } from '../parts/metric-column.js'
import { compareNames } from '../parts/compare-names.js'
import { StorageHealth } from './storage-health.js'

type FileSystem = HostView['fileSystems'][number]
type UnreadFileSystem = HostView['unreadFileSystems'][number]
type Disk = HostView['disks'][number]
type Network = HostView['networks'][number]
type Capability = HostView['capabilities'][number]

const fileSystemColumns: readonly Column<FileSystem>[] = [
  {
    key: 'mount',
    label: 'Mounted on',
    sortBy: (it) => it.mount,
    cell: (it) => <strong class="path">{it.mount}</strong>,
  },
  {
    key: 'device',
    label: 'Device',
    cell: (it) => (
      <>
        <span class="path">{it.device}</span> <span class="tag">{it.type}</span>
        {it.readOnly && <span class="tag">read-only</span>}
      </>
    ),
  },
  {
    key: 'used',
    label: 'Used',
    sortBy: usedShare,
    cell: (it) => (
      <Meter
        label={`used of ${it.mount}`}
        share={usedShare(it)}
        text={`${formatFigure(it.availableBytes, 'bytes')} free of ${formatFigure(it.sizeBytes, 'bytes')}`}
      />
    ),
  },
  {
    key: 'files',
    label: 'Inodes used',
    numeric: true,
    sortBy: (it) => (it.files > 0 ? 1 - it.filesFree / it.files : undefined),
    cell: (it) => formatFigure(it.files > 0 ? 1 - it.filesFree / it.files : undefined, 'fraction'),
  },
]

function usedShare(it: FileSystem): number | undefined {
  return it.sizeBytes > 0 ? 1 - it.availableBytes / it.sizeBytes : undefined
}

const mountOf = (it: Pick<FileSystem, 'mount'>): string => it.mount
const deviceOf = (it: Disk | Network): string => it.device

const unreadColumns: readonly Column<UnreadFileSystem>[] = [
  { key: 'mount', label: 'Mounted on', cell: (it) => <strong class="path">{it.mount}</strong> },
  { key: 'device', label: 'Device', cell: (it) => <span class="path">{it.device}</span> },
  { key: 'why', label: 'Why', cell: (it) => it.reason },
]

const diskColumns: readonly Column<Disk>[] = [
  { key: 'device', label: 'Disk', sortBy: deviceOf, cell: (it) => <strong>{it.device}</strong> },
  metricColumn('readBytesPerSecond', 'Read', 'bytes/s'),
  metricColumn('writeBytesPerSecond', 'Write', 'bytes/s'),
  metricColumn('readRequestsPerSecond', 'Read requests', '1/s'),
  metricColumn('writeRequestsPerSecond', 'Write requests', '1/s'),
  metricColumn('readLatencyMs', 'Read latency', 'ms'),
  metricColumn('writeLatencyMs', 'Write latency', 'ms'),
  metricColumn('busyFraction', 'Busy', 'fraction'),
]

const networkColumns: readonly Column<Network>[] = [
  { key: 'device', label: 'Interface', sortBy: deviceOf, cell: (it) => <strong>{it.device}</strong> },
  metricColumn('receiveBytesPerSecond', 'Received', 'bytes/s'),
  metricColumn('transmitBytesPerSecond', 'Sent', 'bytes/s'),
  metricColumn('errorsPerSecond', 'Errors', '1/s'),
]

const supportLooks = {
  yes: { sign: '✓', word: 'yes', tone: 'good' },
  degraded: { sign: '◐', word: 'in part', tone: 'idle' },
  no: { sign: '✕', word: 'no', tone: 'off' },
} as const

/** What is not fully there comes first. */
function CapabilityList({ capabilities }: { readonly capabilities: readonly Capability[] }) {
  const sorted = capabilities.toSorted(
    (a, b) => Number(a.support === 'yes') - Number(b.support === 'yes') || compareNames(a.name, b.name),
  )
  return (
    <ul class="capabilities">
      {sorted.map(({ name, support, reason }) => (
        <li key={name}>
          <span class={`state state-${supportLooks[support].tone}`}>
            <span aria-hidden="true">{supportLooks[support].sign}</span> {supportLooks[support].word}
          </span>
          <strong>{name}</strong>
          {reason !== '' && <span class="muted">{reason}</span>}
        </li>
      ))}
    </ul>
  )
}

/** What the machine itself has: file systems, disks and their health, interfaces, and what its driver can tell. */
export function MachineTables({ host }: { readonly host: HostView }) {
  return (
    <>
      <section aria-labelledby="fs-title">
        <h2 id="fs-title">File systems</h2>
        {host.fileSystems.length + host.unreadFileSystems.length === 0 && <p class="empty">None reported.</p>}
        {host.fileSystems.length > 0 && (
          <DataTable
            caption="File systems"
            columns={fileSystemColumns}
            rows={host.fileSystems}
            keyOf={mountOf}
            nameOf={mountOf}
            initialSort={{ column: 'used', descending: true }}
          />
        )}
        {host.unreadFileSystems.length > 0 && (
          <>
            <h3 class="sub-title tone-warn">Did not answer</h3>
            <DataTable
              caption="File systems that did not answer"
              columns={unreadColumns}
              rows={host.unreadFileSystems}
              keyOf={mountOf}
              nameOf={mountOf}
            />
          </>
        )}
      </section>
      <section aria-labelledby="host-disks-title">
        <h2 id="host-disks-title">Disks of the host</h2>
        {host.disks.length === 0 ? (
          <p class="empty">None reported.</p>
        ) : (
          <DataTable
            caption="Disks of the host"
            columns={diskColumns}
            rows={host.disks}
            keyOf={deviceOf}
            nameOf={deviceOf}
          />
        )}
      </section>
      <StorageHealth host={host} />
      {host.networks.length > 0 && (
        <section aria-labelledby="networks-title">
          <h2 id="networks-title">Network interfaces</h2>
          <DataTable
            caption="Network interfaces of the host"
            columns={networkColumns}
            rows={host.networks}
            keyOf={deviceOf}
            nameOf={deviceOf}
          />
        </section>
      )}
      <section aria-labelledby="capabilities-title">
        <h2 id="capabilities-title">What can be measured here</h2>
        <CapabilityList capabilities={host.capabilities} />
      </section>
    </>
  )
}
