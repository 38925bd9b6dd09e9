import { absent, formatSetMemory, plural } from '../format/figures.js'
import { Figure } from '../parts/figure.js'
import { usePage } from '../state/page-context.js'
import { isRunning } from '../vms/vm-state.js'
import { failureWords } from './room-words.js'

/** The four figures that answer "how are we?". */
export function Headline() {
  const all = usePage((state) => state.hosts)
  const vms = usePage((state) => state.vms)
  const capacity = usePage((state) => state.capacity)
  const hosts = [...all.values()].filter(({ kind }) => kind !== 'storage')
  const up = hosts.filter((host) => host.status === 'up').length
  const running = [...vms.values()].filter((vm) => isRunning(vm) && !vm.stale).length
  const stale = [...vms.values()].filter((vm) => vm.stale).length
  const others = vms.size - running - stale
  // Without hosts nothing can fail, and nothing is gained by saying so.
  const survives = hosts.length === 0 ? undefined : capacity?.fleet.survivesHostFailure
  return (
    <dl class="headline">
      <Figure
        label="Hosts up"
        value={`${up} of ${hosts.length}`}
        note={
          hosts.length === 0 ? '' : up === hosts.length ? 'all answer' : `${plural(hosts.length - up, 'host')} not up`
        }
      />
      <Figure
        label="VMs running"
        value={`${running} of ${vms.size}`}
        note={[others > 0 ? `${others} not running` : '', stale > 0 ? `${stale} not known now` : '']
          .filter(Boolean)
          .join(', ')}
      />
      <Figure
        label="Room for new VMs"
        value={capacity?.fleet.room ?? absent}
        note={capacity === undefined ? '' : `of ${formatSetMemory(capacity.vmMemoryBytes)} each`}
      />
      <Figure
        label="Survives a host failure"
        value={
          survives === undefined ? (
            absent
          ) : (
            <span class={survives ? 'tone-good' : 'tone-bad'}>
              <span aria-hidden="true">{survives ? '✓' : '✕'}</span> {survives ? 'Yes' : 'No'}
            </span>
          )
        }
        note={capacity === undefined || survives === undefined ? '' : failureWords(capacity)}
      />
    </dl>
  )
}
