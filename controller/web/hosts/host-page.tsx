import { useMemo } from 'preact/hooks'
import type { HostView } from '../../api/views.js'
import { formatDuration } from '../../../common/units.js'
import { ChartGrid } from '../charts/chart-grid.js'
import { fieldsOf, hostCharts } from '../charts/chart-specs.js'
import { GroupLegend } from '../fleet/group-legend.js'
import { MemoryBar } from '../fleet/memory-bar.js'
import { absent, formatFigure, plural } from '../format/figures.js'
import { kindNames } from '../format/kind-names.js'
import { Age } from '../parts/age.js'
import { Figure } from '../parts/figure.js'
import { GapList } from '../parts/gap-list.js'
import { HostStatus } from '../parts/host-status.js'
import { Skeleton } from '../parts/skeleton.js'
import { Link } from '../routing/link.js'
import { fleetPath } from '../routing/routes.js'
import { NotFound } from '../shell/not-found.js'
import { PageTitle } from '../shell/page-title.js'
import { usePage } from '../state/page-context.js'
import { findHost } from '../state/page-state.js'
import { vmColumnsOnHost } from '../vms/vm-columns.js'
import { VmTable } from '../vms/vm-table.js'
import { HostEvidence } from './host-evidence.js'
import { LedgerEquation } from './ledger-equation.js'
import { Maintenance } from './maintenance.js'
import { MachineTables } from './machine-tables.js'

const fields = fieldsOf(hostCharts)
const byMemory = { column: 'memory', descending: true }

/** One host: what it is, its room, its VMs, its last hour, its machine. */
export function HostPage({ name }: { readonly name: string }) {
  const host = usePage((state) => findHost(state, name))
  const loaded = usePage((state) => state.dataAt !== undefined)
  if (host !== undefined) return <Known host={host} />
  if (!loaded) return <Skeleton alone />
  return <NotFound title="No such host" text={`No host is named ${name}.`} />
}

function Known({ host }: { readonly host: HostView }) {
  const all = usePage((state) => state.vms)
  const vmMemoryBytes = usePage((state) => state.capacity?.vmMemoryBytes)
  const vms = useMemo(() => [...all.values()].filter((vm) => vm.hostId === host.id), [all, host.id])
  return (
    <>
      <nav class="crumbs" aria-label="Where this host is">
        <Link href={fleetPath}>Fleet</Link>
      </nav>
      <header class="page-head">
        <PageTitle text={host.name} />
        <p class="state-line">
          <HostStatus host={host} />
          <span class="tag">
            {kindNames[host.kind]} {host.hypervisorVersion}
          </span>
          {host.simulated && <span class="tag tag-simulated">simulated</span>}
          {host.status !== 'up' && <span class="tag tag-bad">stale: last known values</span>}
        </p>
      </header>
      <div class={host.status === 'up' ? undefined : 'stale'}>
        <HostFacts host={host} />
      </div>
      <GapList gaps={host.gaps} />
      {host.kind !== 'storage' && <Maintenance key={host.id} host={host} />}
      {host.kind !== 'storage' && (
        <>
          <LedgerEquation ledger={host.ledger} />
          <GroupLegend />
          <MemoryBar host={host} vms={vms} vmMemoryBytes={vmMemoryBytes} />
          <section aria-labelledby="vms-title">
            <h2 id="vms-title">VMs</h2>
            <VmTable caption={`VMs on ${host.name}`} vms={vms} columns={vmColumnsOnHost} sort={byMemory} />
          </section>
        </>
      )}
      <ChartGrid
        key={host.id}
        entity={`host:${host.id}`}
        charts={hostCharts}
        fields={fields}
        live={{ at: host.lastReportAt, metrics: host.metrics }}
        absent={host.absent}
      />
      <HostEvidence host={host} />
      <MachineTables host={host} />
    </>
  )
}

function HostFacts({ host }: { readonly host: HostView }) {
  const uptime = host.metrics['uptimeSeconds']
  const processors = [
    host.cpuCores === undefined ? '' : plural(host.cpuCores, 'core'),
    host.cpuThreads === undefined ? '' : plural(host.cpuThreads, 'thread'),
  ].filter((part) => part !== '')
  return (
    <section aria-label="Facts">
      <dl class="figures">
        <Figure
          label="CPU used"
          value={formatFigure(host.metrics['cpuUsedCores'], 'cores')}
          note={processors.length === 0 ? 'cores' : `of ${processors.join(', ')}`}
        />
        <Figure
          label="Memory available"
          value={formatFigure(host.metrics['memoryAvailableBytes'], 'memory')}
          note={host.memoryBytes === undefined ? '' : `of ${formatFigure(host.memoryBytes, 'memory')}`}
        />
        {host.kind !== 'storage' && <Figure label="VMs" value={host.runningVms} note={`running, ${host.vms} in all`} />}
        <Figure label="Load" value={formatFigure(host.metrics['load1'], 'count')} note="mean of one minute" />
        <Figure label="Up for" value={uptime === undefined ? absent : formatDuration(uptime * 1000)} />
        <Figure
          label="Last report"
          value={host.lastReportAt === undefined ? absent : <Age at={host.lastReportAt} />}
          note={host.clockOffsetMs === undefined ? '' : `clock off by ${formatFigure(host.clockOffsetMs, 'ms')}`}
        />
      </dl>
      <dl class="facts">
        <Fact label="Processor" text={host.cpuModel} />
        <Fact label="Machine" text={host.machine} />
        <Fact label="System" text={host.os} />
        <Fact label="Kernel" text={host.kernel} />
        <Fact label="Agent" text={host.agentId} />
      </dl>
    </section>
  )
}

function Fact({ label, text }: { readonly label: string; readonly text: string | undefined }) {
  if (text === undefined || text === '') return null
  return (
    <div>
      <dt>{label}</dt>
      <dd>{text}</dd>
    </div>
  )
}
