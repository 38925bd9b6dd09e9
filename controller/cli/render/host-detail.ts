import { formatBytes, formatDuration } from '../../../common/units.js'
import type { HostView } from '../../api/views.js'
import { capabilityColumns } from './capability-list.js'
import { age, cores, figure, latency, ledgerMemory, percent, rate } from './figures.js'
import { absentSection, gapSection } from './gaps.js'
import { hostStatus } from './host-list.js'
import { line, type Look, type Span, span } from './look.js'
import { notes } from './notes.js'
import { section } from './section.js'
import { hostEvidenceSections } from './host-evidence.js'
import { storageHealthSections } from './storage-health.js'
import { type Column, renderPairs } from './table.js'

/** Everything that is known of one host. */
export function renderHostDetail(host: HostView, look: Look): string[] {
  const limited = host.capabilities.filter(({ support }) => support !== 'yes')
  return [
    line([span(host.name, 'bold'), span(host.machine === undefined ? '' : ` – ${host.machine}`)], look),
    '',
    ...renderPairs(pairs(host, look.now), look),
    ...section('File systems', host.fileSystems, fileSystemColumns, look),
    ...section('File systems that could not be read', host.unreadFileSystems, unreadColumns, look),
    ...section('Disks', host.disks, diskColumns, look),
    ...section('Network', host.networks, networkColumns, look),
    ...hostEvidenceSections(host, look),
    ...storageHealthSections(host.storageHealth, look),
    ...section('Limits of its driver', limited, capabilityColumns, look),
    ...gapSection(host.gaps, look),
    ...absentSection(host.absent, look),
    ...notes(
      [
        host.simulated ? 'simulated: not a real host' : undefined,
        host.status === 'up' ? undefined : 'not up: the figures are the last known ones',
      ],
      look,
    ),
  ]
}

function pairs(host: HostView, now: number): (readonly [string, string | Span | undefined])[] {
  const { ledger, metrics } = host
  const status = hostStatus(host)
  const isStorage = host.kind === 'storage'
  const source = ledger.memorySource === undefined ? '' : ` (${ledger.memorySource}, ${age(ledger.memoryAt, now)} ago)`
  return [
    ['Status', span(`${status.text} for ${age(host.statusSince, now)}`, status.tone)],
    [
      'Maintenance',
      host.maintenance &&
        `by ${host.maintenance.by}, for ${age(host.maintenance.since, now)} ${host.maintenance.reason}`,
    ],
    ['Id', host.id],
    ['Agent', host.agentId],
    ['Hypervisor', isStorage ? 'none: a storage server' : `${host.kind} ${host.hypervisorVersion}`.trim()],
    ['System', [host.os, host.kernel].filter((text) => text !== undefined && text !== '').join(', ') || undefined],
    ['CPU', host.cpuModel],
    ['  in use', `${cores(metrics['cpuUsedCores'])} of ${figure(host.cpuThreads, String)} threads`],
    ['  load', figure(metrics['load1'], (load) => load.toFixed(2))],
    ['VMs', isStorage ? undefined : `${host.runningVms} running of ${host.vms}`],
    ['Memory', `${ledgerMemory(ledger.memoryBytes)}${source}`],
    ...(isStorage ? [] : roomPairs(ledger)),
    [
      'Pressure',
      `CPU ${percent(metrics['psiCpuSomeFraction'])}, memory ${percent(metrics['psiMemorySomeFraction'])}, I/O ${percent(metrics['psiIoSomeFraction'])}`,
    ],
    ['Uptime', figure(metrics['uptimeSeconds'], (seconds) => formatDuration(seconds * 1000))],
    [
      'Clock',
      host.clockOffsetMs === undefined ? undefined : `${Math.round(host.clockOffsetMs)} ms from the controller's`,
    ],
    ['Last report', host.lastReportAt === undefined ? 'none yet' : `${age(host.lastReportAt, now)} ago`],
  ]
}

/** What of the memory is left for VMs. */
function roomPairs(ledger: HostView['ledger']): (readonly [string, string | Span])[] {
  return [
    ['  − reserve', ledgerMemory(ledger.reserveBytes)],
    ['  − configured', ledgerMemory(ledger.configuredBytes)],
    ['  = spare', span(ledgerMemory(ledger.spareBytes), (ledger.spareBytes ?? 0) < 0 ? 'critical' : 'plain')],
    ['Room', `${figure(ledger.room, String)} new VMs; ${ledgerMemory(ledger.shortOfNextBytes)} short of one more`],
  ]
}

const fileSystemColumns: readonly Column<HostView['fileSystems'][number]>[] = [
  { head: 'MOUNT', drop: 0, shrinkTo: 12, cell: ({ mount }) => mount },
  { head: 'SIZE', align: 'right', drop: 1, cell: ({ sizeBytes }) => formatBytes(sizeBytes) },
  { head: 'AVAILABLE', align: 'right', drop: 0, cell: ({ availableBytes }) => formatBytes(availableBytes) },
  {
    head: 'USED',
    align: 'right',
    drop: 0,
    cell: ({ sizeBytes, availableBytes }) => percent(sizeBytes > 0 ? 1 - availableBytes / sizeBytes : undefined),
  },
  { head: 'TYPE', drop: 2, cell: ({ type, readOnly }) => (readOnly ? `${type}, read-only` : type) },
  { head: 'DEVICE', drop: 3, shrinkTo: 12, cell: ({ device }) => device },
]

const unreadColumns: readonly Column<HostView['unreadFileSystems'][number]>[] = [
  { head: 'MOUNT', drop: 0, shrinkTo: 12, cell: ({ mount }) => mount },
  { head: 'DEVICE', drop: 1, shrinkTo: 12, cell: ({ device }) => device },
  { head: 'WHY', drop: 0, shrinkTo: 20, wrap: true, cell: ({ reason }) => reason },
]

const diskColumns: readonly Column<HostView['disks'][number]>[] = [
  { head: 'DISK', drop: 0, shrinkTo: 10, cell: ({ device }) => device },
  { head: 'READ', align: 'right', drop: 0, cell: ({ metrics }) => rate(metrics['readBytesPerSecond']) },
  { head: 'WRITE', align: 'right', drop: 0, cell: ({ metrics }) => rate(metrics['writeBytesPerSecond']) },
  { head: 'R LAT', align: 'right', drop: 3, cell: ({ metrics }) => latency(metrics['readLatencyMs']) },
  { head: 'W LAT', align: 'right', drop: 2, cell: ({ metrics }) => latency(metrics['writeLatencyMs']) },
  { head: 'BUSY', align: 'right', drop: 1, cell: ({ metrics }) => percent(metrics['busyFraction']) },
]

const networkColumns: readonly Column<HostView['networks'][number]>[] = [
  { head: 'INTERFACE', drop: 0, shrinkTo: 10, cell: ({ device }) => device },
  { head: 'IN', align: 'right', drop: 0, cell: ({ metrics }) => rate(metrics['receiveBytesPerSecond']) },
  { head: 'OUT', align: 'right', drop: 0, cell: ({ metrics }) => rate(metrics['transmitBytesPerSecond']) },
]
