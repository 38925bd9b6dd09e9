import { useMemo, useRef, useState } from 'preact/hooks'
import type { HostView, VmView } from '../../api/views.js'
import { usePage } from '../state/page-context.js'
import { vmsByHost } from '../vms/vm-state.js'
import { GroupLegend } from './group-legend.js'
import { HostRow } from './host-row.js'
import { compareNames } from '../parts/compare-names.js'

/** Hosts shown at first; more at a click, so that thousands do not slow the page. */
const pageSize = 40
const noVms: readonly VmView[] = []

/** All hosts by name, those that do not answer first. */
export function HostList() {
  const hosts = usePage((state) => state.hosts)
  const vms = usePage((state) => state.vms)
  const vmMemoryBytes = usePage((state) => state.capacity?.vmMemoryBytes)
  const [limit, setLimit] = useState(pageSize)
  const sorted = useMemo(() => [...hosts.values()].sort(byNeedThenName), [hosts])
  const members = useStableGroups(useMemo(() => vmsByHost(vms.values()), [vms]))
  if (hosts.size === 0) {
    return <p class="empty">No hosts yet. As soon as an agent connects, its host and VMs appear here.</p>
  }
  return (
    <>
      <GroupLegend />
      <ol class="host-list">
        {sorted.slice(0, limit).map((host) => (
          <HostRow key={host.id} host={host} vms={members.get(host.id) ?? noVms} vmMemoryBytes={vmMemoryBytes} />
        ))}
      </ol>
      {sorted.length > limit && (
        <button type="button" class="more" onClick={() => setLimit(limit + pageSize)}>
          Show {Math.min(pageSize, sorted.length - limit)} more of {sorted.length} hosts
        </button>
      )}
    </>
  )
}

function byNeedThenName(a: HostView, b: HostView): number {
  const need = Number(a.status === 'up') - Number(b.status === 'up')
  return need || compareNames(a.name, b.name)
}

/** The same list object for a group whose members are the same as before, so that its row need not be drawn again. */
function useStableGroups<T>(groups: ReadonlyMap<string, readonly T[]>): ReadonlyMap<string, readonly T[]> {
  const before = useRef(groups)
  const stable = useMemo(
    () => new Map([...groups].map(([key, members]) => [key, same(before.current.get(key), members)] as const)),
    [groups],
  )
  before.current = stable
  return stable
}

function same<T>(before: readonly T[] | undefined, now: readonly T[]): readonly T[] {
  const equal = before?.length === now.length && now.every((member, index) => member === before[index])
  return equal && before !== undefined ? before : now
}
