import { useContext, useId, useState } from 'preact/hooks'
import type { HostView, VmView } from '../../api/views.js'
import { formatFigure, formatSetMemory } from '../format/figures.js'
import { Link } from '../routing/link.js'
import { vmPath } from '../routing/routes.js'
import { memoryText } from '../vms/vm-columns.js'
import { configuredMemory, holdsMemory, lookOf } from '../vms/vm-state.js'
import { layoutBar } from './bar-layout.js'
import type { Span } from './bar-layout.js'
import { GroupColours } from './group-legend.js'

const percent = (share: number): string => `${share * 100}%`
const place = (span: Span) => ({ left: percent(span.start), width: percent(span.width) })
/** Ticks closer than this share of the bar would be a blur. */
const finestTick = 1 / 40

export interface MemoryBarProps {
  readonly host: HostView
  readonly vms: readonly VmView[]
  readonly vmMemoryBytes: number | undefined
}

/** A host's memory as a bar: its VMs, room for new ones, and the reserve at the end. Each VM is a link with its figures. */
export function MemoryBar({ host, vms, vmMemoryBytes }: MemoryBarProps) {
  const colours = useContext(GroupColours)
  const tipId = useId()
  const [pointed, setPointed] = useState<string | undefined>(undefined)
  const layout = layoutBar({
    memoryBytes: host.ledger.memoryBytes,
    reserveBytes: host.ledger.reserveBytes,
    configuredBytes: host.ledger.configuredBytes,
    vmMemoryBytes,
    // One whose size is not known has no place in a bar of sizes.
    vms: vms.filter(holdsMemory).flatMap((vm) => {
      const memoryBytes = configuredMemory(vm)
      return memoryBytes === undefined ? [] : [{ uuid: vm.uuid, name: vm.name, group: vm.group ?? '', memoryBytes }]
    }),
  })
  const tip = layout.segments.find((segment) => segment.vm.uuid === pointed)
  const tipVm = tip === undefined ? undefined : vms.find((vm) => vm.uuid === tip.vm.uuid)
  const tick = vmMemoryBytes === undefined ? 0 : vmMemoryBytes / layout.scaleBytes

  return (
    <div
      class="memory-bar-frame"
      onPointerLeave={() => setPointed(undefined)}
      onKeyDown={(event) => event.key === 'Escape' && setPointed(undefined)}
    >
      <ul class="memory-bar" aria-label={`Memory of ${host.name}: ${sentenceOf(host, layout.segments.length)}`}>
        {layout.reserve !== undefined && (
          <li class="bar-reserve" style={place(layout.reserve)} aria-hidden="true">
            <span>reserve</span>
          </li>
        )}
        {layout.slots.map((slot) => (
          <li key={slot.start} class="bar-slot" style={place(slot)} aria-hidden="true">
            <span>free</span>
          </li>
        ))}
        {layout.rest !== undefined && <li class="bar-rest" style={place(layout.rest)} aria-hidden="true" />}
        {layout.segments.map(({ vm, ...span }) => (
          <li key={vm.uuid} style={place(span)} class={`bar-vm group-${colours.get(vm.group) ?? 0}`}>
            <Link
              href={vmPath(vm.uuid)}
              aria-label={`${vm.name}, ${formatSetMemory(vm.memoryBytes)}`}
              aria-describedby={pointed === vm.uuid ? tipId : undefined}
              onPointerEnter={() => setPointed(vm.uuid)}
              onFocus={() => setPointed(vm.uuid)}
              onBlur={() => setPointed(undefined)}
            >
              <span>{vm.name}</span>
            </Link>
          </li>
        ))}
        {layout.other !== undefined && (
          <li class="bar-other" style={place(layout.other)} title="Counted for a VM that also runs on another host">
            <span>elsewhere too</span>
          </li>
        )}
        {layout.intoReserve !== undefined && (
          <li class="bar-over" style={place(layout.intoReserve)} aria-hidden="true" />
        )}
        {layout.beyond !== undefined && (
          <li class="bar-over bar-beyond" style={place(layout.beyond)} aria-hidden="true" />
        )}
      </ul>
      {tick >= finestTick && (
        <div class="bar-ticks" aria-hidden="true" style={{ backgroundSize: `${percent(tick)} 100%` }} />
      )}
      {tip !== undefined && tipVm !== undefined && (
        <div id={tipId} role="tooltip" class="bar-tip" style={{ '--at': percent(tip.start + tip.width / 2) }}>
          <VmTip vm={tipVm} />
        </div>
      )}
    </div>
  )
}

function VmTip({ vm }: { readonly vm: VmView }) {
  const cpu = vm.cpuCores === undefined ? 'CPU not known' : `${formatFigure(vm.cpuCores, 'cores')} cores`
  return (
    <>
      <strong>{vm.name}</strong>
      <span class="muted">
        {[vm.group, lookOf(vm.state).word, memoryText(vm)].filter((part) => part !== undefined).join(' · ')}
      </span>
      <span>
        {cpu} · read {formatFigure(vm.readBytesPerSecond, 'bytes/s')} · write{' '}
        {formatFigure(vm.writeBytesPerSecond, 'bytes/s')}
      </span>
    </>
  )
}

function sentenceOf(host: HostView, vms: number): string {
  const { memoryBytes, configuredBytes, reserveBytes } = host.ledger
  const total = memoryBytes === undefined ? 'size not known' : formatSetMemory(memoryBytes)
  return `${total}, ${vms} VMs with ${formatSetMemory(configuredBytes)}, reserve ${formatSetMemory(reserveBytes)}`
}
