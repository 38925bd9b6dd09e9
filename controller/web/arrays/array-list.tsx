import { useMemo } from 'preact/hooks'
import type { ArrayView, VmView } from '../../api/views.js'
import { formatFigure, plural } from '../format/figures.js'
import type { Unit } from '../format/figures.js'
import { DataTable } from '../parts/data-table.js'
import type { Column } from '../parts/data-table.js'
import { Known } from '../parts/figure.js'
import { Link } from '../routing/link.js'
import { arrayPath, vmPath } from '../routing/routes.js'
import { CacheState } from './cache-panel.js'
import { usePage } from '../state/page-context.js'
import { sumKnown, vmsByArray } from '../vms/vm-state.js'

interface ArrayRow {
  readonly array: ArrayView
  readonly vms: readonly VmView[]
}

const membersShown = 6

function metric(field: string, label: string, unit: Unit): Column<ArrayRow> {
  return {
    key: field,
    label,
    numeric: true,
    sortBy: (row) => row.array.metrics[field],
    cell: (row) => <Known text={formatFigure(row.array.metrics[field], unit)} reason={undefined} />,
  }
}

const columns: readonly Column<ArrayRow>[] = [
  {
    key: 'name',
    label: 'Array',
    sortBy: (row) => row.array.name,
    cell: ({ array }) => (
      <>
        <Link href={arrayPath(array.key)}>{array.name}</Link>
        <span class="tag">{array.kind}</span>
        {array.hosts.length > 1 && <span class="tag">shared by {plural(array.hosts.length, 'host')}</span>}
      </>
    ),
  },
  {
    key: 'cache',
    label: 'Write cache',
    sortBy: ({ array }) => array.cache?.state,
    cell: ({ array }) => (array.cache === undefined ? '' : <CacheState state={array.cache.state} />),
  },
  metric('readBytesPerSecond', 'Read', 'bytes/s'),
  metric('writeBytesPerSecond', 'Write', 'bytes/s'),
  {
    key: 'requests',
    label: 'Requests',
    numeric: true,
    sortBy: requests,
    cell: (row) => <Known text={formatFigure(requests(row), '1/s')} reason={undefined} />,
  },
  metric('writeLatencyMs', 'Write latency', 'ms'),
  { key: 'members', label: 'VMs on it', sortBy: (row) => row.vms.length, cell: (row) => <Members vms={row.vms} /> },
]

function requests({ array }: ArrayRow): number | undefined {
  return sumKnown([array.metrics['readRequestsPerSecond'], array.metrics['writeRequestsPerSecond']])
}

function Members({ vms }: { readonly vms: readonly VmView[] }) {
  if (vms.length === 0) return <>none</>
  const busiest = vms.toSorted((a, b) => (b.writeBytesPerSecond ?? 0) - (a.writeBytesPerSecond ?? 0))
  return (
    <span class="members">
      {busiest.slice(0, membersShown).map((vm) => (
        <Link key={vm.uuid} href={vmPath(vm.uuid)}>
          {vm.name}
        </Link>
      ))}
      {vms.length > membersShown && <span class="muted">and {vms.length - membersShown} more</span>}
    </span>
  )
}

const keyOf = (row: ArrayRow): string => row.array.key
const nameOf = (row: ArrayRow): string => row.array.name

/** Storage that VMs share, with its load and the VMs on it, the busiest first. */
export function ArrayList() {
  const arrays = usePage((state) => state.arrays)
  const vms = usePage((state) => state.vms)
  const rows = useMemo(() => {
    const members = vmsByArray(vms.values())
    return [...arrays.values()].map((array) => ({ array, vms: members.get(array.key) ?? [] }))
  }, [arrays, vms])
  if (rows.length === 0) return <p class="empty">No storage known yet.</p>
  return (
    <DataTable
      caption="Storage arrays and local disks with their load"
      columns={columns}
      rows={rows}
      keyOf={keyOf}
      nameOf={nameOf}
      initialSort={{ column: 'writeBytesPerSecond', descending: true }}
    />
  )
}
