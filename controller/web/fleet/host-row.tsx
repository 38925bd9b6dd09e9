import { useMemo } from 'preact/hooks'
import type { HostView, VmView } from '../../api/views.js'
import { absent, formatFigure, formatSetMemory, ioHeat } from '../format/figures.js'
import { kindNames } from '../format/kind-names.js'
import { HostStatus } from '../parts/host-status.js'
import { HeatMeter, Meter } from '../parts/meter.js'
import { Link } from '../routing/link.js'
import { hostPath } from '../routing/routes.js'
import { sumKnown } from '../vms/vm-state.js'
import { MemoryBar } from './memory-bar.js'
import { roomNote } from './room-words.js'

export interface HostRowProps {
  readonly host: HostView
  readonly vms: readonly VmView[]
  readonly vmMemoryBytes: number | undefined
}

/** A host in the fleet: who it is, its memory, its room, its load. Drawn again only when it or one of its VMs changed. */
export function HostRow({ host, vms, vmMemoryBytes }: HostRowProps) {
  return useMemo(
    () => (
      <li class={`host-row ${host.status === 'up' ? '' : 'stale'}`} data-host={host.name}>
        <div class="host-name">
          <h3>
            <Link href={hostPath(host.name)}>{host.name}</Link>
          </h3>
          <HostStatus host={host} />
          <span class="muted">
            {kindNames[host.kind]} {host.hypervisorVersion}
          </span>
          {host.simulated && <span class="tag tag-simulated">simulated</span>}
          {host.gaps.length > 0 && <span class="tag tag-bad">gaps in data</span>}
        </div>
        {host.kind === 'storage' ? (
          <>
            <span />
            <span class="muted">no place for VMs</span>
          </>
        ) : (
          <>
            <MemoryBar host={host} vms={vms} vmMemoryBytes={vmMemoryBytes} />
            <Room host={host} />
          </>
        )}
        <Load host={host} vms={vms} />
      </li>
    ),
    [host, vms, vmMemoryBytes],
  )
}

function Room({ host }: { readonly host: HostView }) {
  const { ledger } = host
  const note = roomNote(ledger)
  return (
    <div class="host-room">
      <span>
        room <strong>{ledger.room ?? absent}</strong>
      </span>
      <span class={`room-note room-${note.tone}`}>{note.text}</span>
      <span class="muted">
        {formatSetMemory(ledger.configuredBytes)} of{' '}
        {ledger.memoryBytes === undefined ? absent : formatSetMemory(ledger.memoryBytes)}
      </span>
    </div>
  )
}

function Load({ host, vms }: { readonly host: HostView; readonly vms: readonly VmView[] }) {
  const ofHost = host.metrics['cpuUsedCores']
  const used = ofHost ?? sumKnown(vms.map((vm) => vm.cpuCores))
  const threads = host.cpuThreads ?? host.cpuCores
  const data = sumKnown(vms.flatMap((vm) => [vm.readBytesPerSecond, vm.writeBytesPerSecond]))
  return (
    <div class="host-load">
      <Meter
        label={ofHost === undefined && used !== undefined ? 'CPU of VMs' : 'CPU'}
        share={used === undefined || threads === undefined ? undefined : used / threads}
        text={
          used === undefined ? absent : `${formatFigure(used, 'cores')}${threads === undefined ? '' : ` of ${threads}`}`
        }
      />
      <HeatMeter label="I/O" heat={ioHeat(data)} text={formatFigure(data, 'bytes/s')} />
    </div>
  )
}
