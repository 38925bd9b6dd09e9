import type { HostView } from '../../api/views.js'
import { age, cores, figure, memory, percent } from './figures.js'
import { line, type Look, type Span, span, type Tone } from './look.js'
import { notes, simulatedNote } from './notes.js'
import { byName } from './order.js'
import { type Column, renderTable } from './table.js'

/** The table of `host list`, by name. */
export function renderHostList(hosts: readonly HostView[], look: Look): string[] {
  if (hosts.length === 0) return ['no hosts: no agent has reported yet']
  const sorted = [...hosts].sort((a, b) => byName(a.name, b.name))
  const lost = hosts.filter(({ status }) => status !== 'up').length
  return [
    ...renderTable(sorted, columns(look.now), look, hostTone),
    ...notes(
      [
        simulatedNote(hosts, 'hosts'),
        lost === 0 ? undefined : `not up: last known values of ${lost} host${lost === 1 ? '' : 's'}`,
      ],
      look,
    ),
  ]
}

/** Hosts that do not report are dimmed: their figures are the last known ones. */
export function hostTone({ status }: Pick<HostView, 'status'>): Tone {
  return status === 'up' ? 'plain' : 'dim'
}

export function hostStatus({ status, maintenance }: Pick<HostView, 'status' | 'maintenance'>): Span {
  const isUp = status === 'up'
  if (maintenance !== undefined) return span(isUp ? 'maintenance' : `${status}, maintenance`, 'warning')
  return span(status, isUp ? 'good' : 'critical')
}

/** Whether a host is in maintenance, in a line. */
export function renderMaintenance({ name, maintenance }: HostView, look: Look): string[] {
  if (maintenance === undefined) return [line([span(`${name} takes VMs`)], look)]
  const why = maintenance.reason === '' ? '' : `: ${maintenance.reason}`
  return [line([span(`${name} is in maintenance${why}: nothing is started there, and nothing moved to it`)], look)]
}

function columns(now: number): readonly Column<HostView>[] {
  return [
    { head: 'NAME', drop: 0, shrinkTo: 16, cell: ({ name }) => name },
    { head: 'STATUS', drop: 0, cell: hostStatus },
    { head: 'VMS', align: 'right', drop: 2, cell: ({ runningVms, vms }) => `${runningVms} of ${vms}` },
    { head: 'ROOM', align: 'right', drop: 1, cell: ({ ledger }) => figure(ledger.room, String) },
    { head: 'MEMORY', align: 'right', drop: 3, cell: ({ ledger }) => memory(ledger.memoryBytes) },
    { head: 'CONFIGURED', align: 'right', drop: 4, cell: ({ ledger }) => memory(ledger.configuredBytes) },
    {
      head: 'CPU',
      align: 'right',
      drop: 5,
      cell: ({ metrics, cpuThreads }) => `${cores(metrics['cpuUsedCores'])} of ${figure(cpuThreads, String)}`,
    },
    { head: 'IO STALL', align: 'right', drop: 7, cell: ({ metrics }) => percent(metrics['psiIoSomeFraction']) },
    {
      head: 'UPTIME',
      align: 'right',
      drop: 8,
      cell: ({ metrics }) => {
        const uptime = metrics['uptimeSeconds']
        return age(uptime === undefined ? undefined : now - uptime * 1000, now)
      },
    },
    { head: 'REPORT', align: 'right', drop: 9, cell: ({ lastReportAt }) => age(lastReportAt, now) },
    { head: 'KIND', drop: 6, cell: ({ kind }) => kind },
    { head: 'HYPERVISOR', drop: 10, shrinkTo: 12, cell: ({ hypervisorVersion }) => hypervisorVersion },
    { head: 'OS', drop: 11, shrinkTo: 12, cell: ({ os }) => os ?? '' },
  ]
}
