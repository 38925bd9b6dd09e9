import { useMemo } from 'preact/hooks'
import type { VmView } from '../../api/views.js'
import { VmActions } from '../commands/vm-actions.js'
import { formatFigure } from '../format/figures.js'
import { compareNames } from '../parts/compare-names.js'
import { Figure } from '../parts/figure.js'
import { Skeleton } from '../parts/skeleton.js'
import { StateChip } from '../parts/state-chip.js'
import { Link } from '../routing/link.js'
import { vmPath } from '../routing/routes.js'
import { PageTitle } from '../shell/page-title.js'
import { usePage } from '../state/page-context.js'

/** Each card asks by itself what may be done: beyond so many the rest is a list of names. */
const mostCards = 24

/** What an owner comes for: one's own VMs, how they are, and what may be done with them. */
export function OwnPage() {
  const owner = usePage((state) => state.me?.owner)
  const name = usePage((state) => state.me?.name)
  const all = usePage((state) => state.vms)
  const loaded = usePage((state) => state.dataAt !== undefined && state.me !== undefined)
  const whose = owner ?? name
  const own = useMemo(
    () => [...all.values()].filter((vm) => vm.owner === whose).sort((a, b) => compareNames(a.name, b.name)),
    [all, whose],
  )
  return (
    <>
      <PageTitle text="Your VMs" />
      {!loaded && <Skeleton />}
      {loaded && own.length === 0 && (
        <p class="empty">
          No VM is of {whose}. Whose a VM is stands in the policy of an administrator, or in the VM&apos;s own metadata.
        </p>
      )}
      {own.slice(0, mostCards).map((vm) => (
        <OwnVm key={vm.uuid} vm={vm} />
      ))}
      {own.length > mostCards && (
        <ul class="members">
          {own.slice(mostCards).map((vm) => (
            <li key={vm.uuid}>
              <Link href={vmPath(vm.uuid)}>{vm.name}</Link>
            </li>
          ))}
        </ul>
      )}
    </>
  )
}

function OwnVm({ vm }: { readonly vm: VmView }) {
  return (
    <article class={vm.stale ? 'own-vm stale' : 'own-vm'} aria-label={vm.name}>
      <header>
        <h2>
          <Link href={vmPath(vm.uuid)}>{vm.name}</Link>
        </h2>
        <p class="state-line">
          <StateChip state={vm.state} />
          {vm.simulated && <span class="tag tag-simulated">simulated</span>}
          {vm.stale && <span class="tag tag-bad">stale: last known values</span>}
        </p>
      </header>
      <dl class="figures">
        <Figure label="CPU, cores" value={formatFigure(vm.cpuCores, 'cores')} />
        <Figure label="Memory" value={formatFigure(vm.memoryBytes, 'memory')} />
        <Figure label="Written" value={formatFigure(vm.writeBytesPerSecond, 'bytes/s')} />
        <Figure label="Waits for its disks" value={formatFigure(vm.writeLatencyMs, 'ms')} />
      </dl>
      <VmActions vm={vm} level={3} />
      <p>
        <Link href={vmPath(vm.uuid)}>Charts of {vm.name}, and why it is slow</Link>
      </p>
    </article>
  )
}
