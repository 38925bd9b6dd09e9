import { useMemo } from 'preact/hooks'
import type { ArrayView } from '../../api/views.js'
import { ChartGrid } from '../charts/chart-grid.js'
import { arrayCharts, fieldsOf } from '../charts/chart-specs.js'
import { formatFigure, plural } from '../format/figures.js'
import { Figure } from '../parts/figure.js'
import { Skeleton } from '../parts/skeleton.js'
import { CachePanel } from './cache-panel.js'
import { Link } from '../routing/link.js'
import { fleetPath, hostPath } from '../routing/routes.js'
import { NotFound } from '../shell/not-found.js'
import { PageTitle } from '../shell/page-title.js'
import { usePage } from '../state/page-context.js'
import { vmColumns } from '../vms/vm-columns.js'
import { VmTable } from '../vms/vm-table.js'

const fields = fieldsOf(arrayCharts)
const noReasons = {}
const byWrites = { column: 'writeBytesPerSecond', descending: true }

/** One array: its load, and the VMs that make it. @param arrayKey or the id of a box that several are joined to: then the first of them */
export function ArrayPage({ arrayKey }: { readonly arrayKey: string }) {
  const array = usePage(({ arrays }) => arrays.get(arrayKey) ?? firstOfBox(arrays, arrayKey))
  const loaded = usePage((state) => state.dataAt !== undefined)
  if (array !== undefined) return <Known array={array} />
  if (!loaded) return <Skeleton alone />
  return <NotFound title="No such array" text={`No array has the key ${arrayKey}.`} />
}

function firstOfBox(arrays: ReadonlyMap<string, ArrayView>, box: string): ArrayView | undefined {
  return [...arrays.values()].find(({ cache }) => cache?.box === box)
}

function Known({ array }: { readonly array: ArrayView }) {
  const all = usePage((state) => state.vms)
  const dataAt = usePage((state) => state.dataAt)
  const vms = useMemo(
    () => [...all.values()].filter((vm) => vm.disks.some((disk) => disk.arrayKey === array.key)),
    [all, array.key],
  )
  // An array has no time of its own: what changed with this change is as old as it.
  const live = useMemo(() => ({ at: dataAt, metrics: array.metrics }), [array])
  return (
    <>
      <nav class="crumbs" aria-label="Where this array is">
        <Link href={fleetPath}>Fleet</Link>
      </nav>
      <header class="page-head">
        <PageTitle text={array.name} />
        <p class="state-line">
          <span class="tag">{array.kind}</span>
          <span class="muted path">{array.key}</span>
        </p>
      </header>
      <dl class="figures">
        <Figure label="Read" value={formatFigure(array.metrics['readBytesPerSecond'], 'bytes/s')} />
        <Figure label="Write" value={formatFigure(array.metrics['writeBytesPerSecond'], 'bytes/s')} />
        <Figure label="Write latency" value={formatFigure(array.metrics['writeLatencyMs'], 'ms')} />
        <Figure label="In flight" value={formatFigure(array.metrics['inFlight'], 'count')} note="requests" />
        <Figure label="Size" value={formatFigure(array.sizeBytes, 'bytes')} />
        <Figure
          label="Hosts"
          value={array.hosts.length}
          note={
            <span class="members">
              {array.hosts.map((name) => (
                <Link key={name} href={hostPath(name)}>
                  {name}
                </Link>
              ))}
            </span>
          }
        />
      </dl>
      {array.cache !== undefined && <CachePanel array={array} cache={array.cache} />}
      <ChartGrid
        key={array.key}
        entity={`array:${array.key}`}
        charts={arrayCharts}
        fields={fields}
        live={live}
        absent={noReasons}
      />
      <section aria-labelledby="vms-title">
        <h2 id="vms-title">{plural(vms.length, 'VM')} on it</h2>
        <p class="muted">Figures are of all disks of a VM, on whichever array.</p>
        <VmTable caption={`VMs on ${array.name}`} vms={vms} columns={vmColumns} sort={byWrites} />
      </section>
    </>
  )
}
