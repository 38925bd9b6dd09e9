import type { VmView } from '../../api/views.js'
import { absent, formatFigure, formatSetMemory } from '../format/figures.js'
import type { Unit } from '../format/figures.js'
import type { Column } from '../parts/data-table.js'
import { Known } from '../parts/figure.js'
import { StateChip } from '../parts/state-chip.js'
import { Link } from '../routing/link.js'
import { hostPath, vmPath } from '../routing/routes.js'
import { configuredMemory, lookOf, sumKnown } from './vm-state.js'

type Rate = 'cpuCores' | 'readBytesPerSecond' | 'writeBytesPerSecond' | 'readLatencyMs' | 'writeLatencyMs'

function rate(key: Rate, label: string, unit: Unit): Column<VmView> {
  return {
    key,
    label,
    numeric: true,
    sortBy: (vm) => vm[key],
    cell: (vm) => <Known text={formatFigure(vm[key], unit)} reason={vm.absent[key]} />,
  }
}

const name: Column<VmView> = {
  key: 'name',
  label: 'VM',
  sortBy: (vm) => vm.name,
  cell: (vm) => (
    <>
      <Link href={vmPath(vm.uuid)}>{vm.name}</Link>
      {vm.group !== undefined && <span class="tag">{vm.group}</span>}
      {vm.doubled && <span class="tag tag-bad">on two hosts</span>}
      {vm.stale && <span class="tag">stale</span>}
    </>
  ),
}

const host: Column<VmView> = {
  key: 'host',
  label: 'Host',
  sortBy: (vm) => vm.host,
  cell: (vm) => <Link href={hostPath(vm.host)}>{vm.host}</Link>,
}

const others: readonly Column<VmView>[] = [
  { key: 'state', label: 'State', sortBy: (vm) => lookOf(vm.state).word, cell: (vm) => <StateChip state={vm.state} /> },
  rate('cpuCores', 'CPU cores', 'cores'),
  {
    key: 'memory',
    label: 'Memory',
    numeric: true,
    sortBy: configuredMemory,
    cell: (vm) => <Known text={memoryText(vm)} reason={vm.absent['memoryBytes']} />,
  },
  rate('readBytesPerSecond', 'Read', 'bytes/s'),
  rate('writeBytesPerSecond', 'Write', 'bytes/s'),
  {
    key: 'requests',
    label: 'Requests',
    numeric: true,
    sortBy: requests,
    cell: (vm) => <Known text={formatFigure(requests(vm), '1/s')} reason={vm.absent['writeRequestsPerSecond']} />,
  },
  rate('readLatencyMs', 'Read latency', 'ms'),
  rate('writeLatencyMs', 'Write latency', 'ms'),
]

function requests(vm: VmView): number | undefined {
  return sumKnown([vm.readRequestsPerSecond, vm.writeRequestsPerSecond])
}

/** `1 GiB`; `512 MiB of 1 GiB` when the balloon holds some back. */
export function memoryText(vm: Pick<VmView, 'memoryBytes' | 'memoryMaxBytes'>): string {
  const most = configuredMemory(vm)
  if (most === undefined) return absent
  const has = vm.memoryBytes
  return has === undefined || has === most
    ? formatSetMemory(most)
    : `${formatSetMemory(has)} of ${formatSetMemory(most)}`
}

export const vmColumns: readonly Column<VmView>[] = [name, host, ...others]
export const vmColumnsOnHost: readonly Column<VmView>[] = [name, ...others]
