import { useMemo } from 'preact/hooks'
import { ArrayList } from '../arrays/array-list.js'
import { EventList } from '../parts/event-list.js'
import { Skeleton } from '../parts/skeleton.js'
import { PageTitle } from '../shell/page-title.js'
import { usePage } from '../state/page-context.js'
import { vmColumns } from '../vms/vm-columns.js'
import { VmTable } from '../vms/vm-table.js'
import { Attention } from './attention.js'
import { Headline } from './headline.js'
import { HostList } from './host-list.js'

const byWrites = { column: 'writeBytesPerSecond', descending: true }

/** The whole fleet at a glance. */
export function FleetPage() {
  const loaded = usePage((state) => state.dataAt !== undefined)
  return (
    <>
      <PageTitle text="Fleet" />
      {loaded ? <Loaded /> : <Skeleton />}
    </>
  )
}

function Loaded() {
  const vms = usePage((state) => state.vms)
  const events = usePage((state) => state.events)
  const list = useMemo(() => [...vms.values()], [vms])
  return (
    <>
      <Attention />
      <Headline />
      <section aria-labelledby="hosts-title">
        <h2 id="hosts-title">Hosts</h2>
        <HostList />
      </section>
      <section aria-labelledby="vms-title">
        <h2 id="vms-title">VMs</h2>
        <VmTable caption="All VMs" vms={list} columns={vmColumns} sort={byWrites} />
      </section>
      <section aria-labelledby="arrays-title">
        <h2 id="arrays-title">Storage</h2>
        <ArrayList />
      </section>
      <section aria-labelledby="events-title">
        <h2 id="events-title">Recent events</h2>
        <EventList events={events} limit={12} />
      </section>
    </>
  )
}
