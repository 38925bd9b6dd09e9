import type { VmView } from '../../api/views.js'
import { formatFigure, formatSetMemory, plural } from '../format/figures.js'
import type { Unit } from '../format/figures.js'
import { kindNames } from '../format/kind-names.js'
import { Age } from '../parts/age.js'
import { Figure, Known } from '../parts/figure.js'
import { StateChip } from '../parts/state-chip.js'
import { configuredMemory, sumKnown } from './vm-state.js'

/** State, why, since when; and what else is special about it. */
export function VmStateLine({ vm }: { readonly vm: VmView }) {
  return (
    <p class="state-line">
      <StateChip state={vm.state} />
      <span class="muted">
        {vm.stateReason !== '' && `${vm.stateReason}, `}
        <Age at={vm.stateSince} />
      </span>
      <span class="tag">{kindNames[vm.kind]}</span>
      {vm.group !== undefined && <span class="tag">{vm.group}</span>}
      {vm.service !== undefined && <span class="tag">service {vm.service}</span>}
      {vm.owner !== undefined && <span class="tag">owner {vm.owner}</span>}
      {vm.simulated && <span class="tag tag-simulated">simulated</span>}
      {vm.stale && <span class="tag tag-bad">stale: last known values</span>}
      {vm.doubled && <span class="tag tag-bad">running on two hosts</span>}
    </p>
  )
}

/** The figures of now. Each is as old as the note below says. */
export function VmFigures({ vm }: { readonly vm: VmView }) {
  const figure = (value: number | undefined, unit: Unit, field: string) => (
    <Known text={formatFigure(value, unit)} reason={vm.absent[field]} />
  )
  const configured = configuredMemory(vm)
  const requests = sumKnown([vm.readRequestsPerSecond, vm.writeRequestsPerSecond])
  return (
    <section aria-label="Figures of now" class={vm.stale ? 'stale' : undefined}>
      <dl class="figures">
        <Figure
          label="CPU"
          value={figure(vm.cpuCores, 'cores', 'cpuCores')}
          note={vm.vcpus === undefined ? 'cores' : `of ${plural(vm.vcpus, 'vCPU')}`}
        />
        <Figure
          label="Memory"
          value={<Known text={formatFigure(vm.memoryBytes, 'memory')} reason={vm.absent['memoryBytes']} />}
          note={configured === undefined ? '' : `of ${formatSetMemory(configured)} configured`}
        />
        <Figure
          label="Used by the guest"
          value={figure(vm.memoryGuestUsedBytes, 'memory', 'memoryGuestUsedBytes')}
          note={vm.memoryGuestAt === undefined ? vm.absent['memoryGuestUsedBytes'] : <Age at={vm.memoryGuestAt} />}
        />
        <Figure label="On the host (RSS)" value={figure(vm.memoryRssBytes, 'memory', 'memoryRssBytes')} />
        {vm.metrics['memoryActiveBytes'] !== undefined && (
          <Figure
            label="Touched lately"
            value={figure(vm.metrics['memoryActiveBytes'], 'memory', 'memoryActiveBytes')}
            note={`ballooned ${formatFigure(vm.metrics['memoryBalloonedBytes'], 'memory')}, swapped ${formatFigure(vm.metrics['memorySwappedBytes'], 'memory')}`}
          />
        )}
        <Figure label="Read" value={figure(vm.readBytesPerSecond, 'bytes/s', 'readBytesPerSecond')} />
        <Figure label="Write" value={figure(vm.writeBytesPerSecond, 'bytes/s', 'writeBytesPerSecond')} />
        <Figure label="Requests" value={figure(requests, '1/s', 'writeRequestsPerSecond')} note="reads and writes" />
        <Figure
          label="Latency"
          value={figure(vm.writeLatencyMs, 'ms', 'writeLatencyMs')}
          note={`write; read ${formatFigure(vm.readLatencyMs, 'ms')}`}
        />
        <Figure
          label="Network"
          value={figure(vm.receiveBytesPerSecond, 'bytes/s', 'receiveBytesPerSecond')}
          note={`received; sent ${formatFigure(vm.transmitBytesPerSecond, 'bytes/s')}`}
        />
      </dl>
      <p class="as-of">
        {vm.lastSampleAt === undefined ? (
          'No sample yet.'
        ) : (
          <>
            As of <Age at={vm.lastSampleAt} />
          </>
        )}
      </p>
    </section>
  )
}
