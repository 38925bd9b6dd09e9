import { formatBytes } from '../../../common/units.js'
import type { DiskView, NicView, VmView } from '../../api/views.js'
import { age, cores, figure, latency, memory, perSecond, rate } from './figures.js'
import { absentSection, gapSection } from './gaps.js'
import { line, type Look, type Span, span } from './look.js'
import { notes } from './notes.js'
import { section } from './section.js'
import { type Column, renderPairs } from './table.js'
import { vmState } from './vm-list.js'

/** Everything that is known of one VM: what it is, what it does now, its disks, its NICs, what could not be read. */
export function renderVmDetail(vm: VmView, look: Look): string[] {
  return [
    line([span(vm.name, 'bold'), span(vm.title === undefined || vm.title === '' ? '' : ` – ${vm.title}`)], look),
    '',
    ...renderPairs(pairs(vm, look.now), look),
    ...section('Disks', vm.disks, diskColumns, look),
    ...section('Network', vm.nics, nicColumns, look),
    ...gapSection(vm.gaps, look),
    ...absentSection(vm.absent, look),
    ...notes(
      [
        vm.simulated ? 'simulated: not a real VM' : undefined,
        vm.stale ? 'stale: its host is silent or it could not be read; the figures are the last known ones' : undefined,
        vm.doubled ? 'doubled: two hosts report it as running; its disks are in danger' : undefined,
      ],
      look,
    ),
  ]
}

function pairs(vm: VmView, now: number): (readonly [string, string | Span | undefined])[] {
  const because = vm.stateReason === '' ? '' : ` (${vm.stateReason})`
  const state = vmState(vm)
  return [
    ['Host', vm.host],
    ['State', span(`${state.text}${because} for ${age(vm.stateSince, now)}`, state.tone)],
    ['UUID', vm.uuid],
    ['Hypervisor', vm.kind],
    ['Class', labelOf(vm, 'class')],
    ['Owner', labelOf(vm, 'owner')],
    ['Group', labelOf(vm, 'group')],
    ['Service', labelOf(vm, 'service')],
    ['Autostart', vm.autostart === undefined ? undefined : vm.autostart ? 'yes' : 'no'],
    ['CPU', `${cores(vm.cpuCores)} of ${figure(vm.vcpus, String)} vCPUs`],
    ['Memory', `${memory(vm.memoryBytes)} of ${memory(vm.memoryMaxBytes)}`],
    ['  on the host', vm.memoryRssBytes === undefined ? undefined : memory(vm.memoryRssBytes)],
    [
      '  used in the guest',
      vm.memoryGuestUsedBytes === undefined
        ? undefined
        : `${memory(vm.memoryGuestUsedBytes)}, ${age(vm.memoryGuestAt, now)} ago`,
    ],
    ...estimates(vm),
    ['Read', io(vm.readBytesPerSecond, vm.readRequestsPerSecond, vm.readLatencyMs)],
    ['Write', io(vm.writeBytesPerSecond, vm.writeRequestsPerSecond, vm.writeLatencyMs)],
    ['Network', `in ${rate(vm.receiveBytesPerSecond)}, out ${rate(vm.transmitBytesPerSecond)}`],
    ['Last sample', vm.lastSampleAt === undefined ? 'none yet' : `${age(vm.lastSampleAt, now)} ago`],
  ]
}

/** What ESXi makes known of a VM's memory beside its size. */
function estimates({ metrics }: VmView): (readonly [string, string | undefined])[] {
  const known = (field: string): string | undefined =>
    metrics[field] === undefined ? undefined : memory(metrics[field])
  return [
    ['  touched lately', known('memoryActiveBytes')],
    ['  ballooned', known('memoryBalloonedBytes')],
    ['  swapped by host', known('memorySwappedBytes')],
  ]
}

/** Something that policy or metadata say of it, and which rule of the policy that is. */
function labelOf(vm: VmView, label: 'class' | 'owner' | 'group' | 'service'): string | undefined {
  const value = vm[label]
  const origin = vm.labelOrigins[label]
  return value === undefined || origin === undefined || origin === 'metadata' ? value : `${value} (policy: ${origin})`
}

function io(bytes: number | undefined, requests: number | undefined, ms: number | undefined): string {
  return `${rate(bytes)}, ${perSecond(requests)}, ${latency(ms)}`
}

const diskColumns: readonly Column<DiskView>[] = [
  { head: 'DISK', drop: 0, shrinkTo: 8, cell: ({ target }) => target },
  { head: 'ARRAY', drop: 1, shrinkTo: 12, cell: ({ arrayName }) => arrayName },
  { head: 'SIZE', align: 'right', drop: 4, cell: ({ capacityBytes }) => figure(capacityBytes, formatBytes) },
  { head: 'READ', align: 'right', drop: 2, cell: ({ metrics }) => rate(metrics['readBytesPerSecond']) },
  { head: 'WRITE', align: 'right', drop: 2, cell: ({ metrics }) => rate(metrics['writeBytesPerSecond']) },
  { head: 'R LAT', align: 'right', drop: 5, cell: ({ metrics }) => latency(metrics['readLatencyMs']) },
  { head: 'W LAT', align: 'right', drop: 3, cell: ({ metrics }) => latency(metrics['writeLatencyMs']) },
  { head: 'BACKEND', drop: 8, cell: ({ backend }) => backend },
  { head: 'FORMAT', drop: 9, cell: ({ format }) => format ?? '' },
  { head: 'CACHE', drop: 10, cell: ({ cache }) => cache ?? '' },
  { head: 'SOURCE', drop: 7, shrinkTo: 16, cell: ({ source }) => source },
]

const nicColumns: readonly Column<NicView>[] = [
  { head: 'NIC', drop: 0, shrinkTo: 8, cell: ({ device }) => device },
  { head: 'MAC', drop: 2, cell: ({ mac }) => mac },
  { head: 'NETWORK', drop: 3, shrinkTo: 10, cell: ({ network }) => network ?? '' },
  { head: 'IN', align: 'right', drop: 0, cell: ({ metrics }) => rate(metrics['receiveBytesPerSecond']) },
  { head: 'OUT', align: 'right', drop: 0, cell: ({ metrics }) => rate(metrics['transmitBytesPerSecond']) },
  {
    head: 'ERRORS',
    align: 'right',
    drop: 1,
    cell: ({ metrics }) =>
      `${perSecond(metrics['receiveErrorsPerSecond'])} ${perSecond(metrics['transmitErrorsPerSecond'])}`,
  },
]
