import { useMemo } from 'preact/hooks'
import type { VmView } from '../../api/views.js'
import { VmActions } from '../commands/vm-actions.js'
import { ChartGrid } from '../charts/chart-grid.js'
import { fieldsOf, vmCharts } from '../charts/chart-specs.js'
import { EventList } from '../parts/event-list.js'
import { GapList } from '../parts/gap-list.js'
import { Skeleton } from '../parts/skeleton.js'
import { Link } from '../routing/link.js'
import { fleetPath, hostPath } from '../routing/routes.js'
import { NotFound } from '../shell/not-found.js'
import { PageTitle } from '../shell/page-title.js'
import { usePage } from '../state/page-context.js'
import { DiskTable, NicTable } from './device-tables.js'
import { WhyPanel } from './why-panel.js'
import { VmFigures, VmStateLine } from './vm-figures.js'

const fields = fieldsOf(vmCharts)

/** One VM: what it does now, its last hour, its disks and NICs, what happened to it. */
export function VmPage({ uuid }: { readonly uuid: string }) {
  const vm = usePage((state) => state.vms.get(uuid))
  const loaded = usePage((state) => state.dataAt !== undefined)
  if (vm !== undefined) return <Known vm={vm} />
  if (!loaded) return <Skeleton alone />
  return <NotFound title="No such VM" text={`No VM has the UUID ${uuid}. It may have been removed.`} />
}

function Known({ vm }: { readonly vm: VmView }) {
  const all = usePage((state) => state.events)
  const events = useMemo(() => all.filter((event) => event.vmUuid === vm.uuid), [all, vm.uuid])
  return (
    <>
      <nav class="crumbs" aria-label="Where this VM is">
        <Link href={fleetPath}>Fleet</Link> <span aria-hidden="true">›</span>{' '}
        <Link href={hostPath(vm.host)}>{vm.host}</Link>
      </nav>
      <header class="page-head">
        <PageTitle text={vm.name} />
        <VmStateLine vm={vm} />
      </header>
      <VmActions key={vm.uuid} vm={vm} />
      <WhyPanel key={vm.uuid} vm={vm} />
      <VmFigures vm={vm} />
      <GapList gaps={vm.gaps} />
      <ChartGrid
        key={vm.uuid}
        entity={`vm:${vm.uuid}`}
        charts={vmCharts}
        fields={fields}
        live={{ at: vm.lastSampleAt, metrics: vm.metrics }}
        absent={vm.absent}
      />
      <section aria-labelledby="disks-title">
        <h2 id="disks-title">Disks</h2>
        <DiskTable disks={vm.disks} />
      </section>
      <section aria-labelledby="nics-title">
        <h2 id="nics-title">Network interfaces</h2>
        <NicTable nics={vm.nics} />
      </section>
      <section aria-labelledby="events-title">
        <h2 id="events-title">What happened to it</h2>
        <EventList events={events} limit={30} />
      </section>
    </>
  )
}
