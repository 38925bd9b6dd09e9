import type { CapacityView } from '../../api/views.js'
import { figure, ledgerMemory, memory } from './figures.js'
import { findingSection } from './findings.js'
import { hostTone } from './host-list.js'
import { line, type Look, type Span, span } from './look.js'
import { notes, simulatedFleet } from './notes.js'
import { type Column, renderTable } from './table.js'

type CapacityHost = CapacityView['hosts'][number]

/** The memory ledger: installed − reserve − configured = spare on each host, and the room for new VMs that this makes. */
export function renderCapacity(capacity: CapacityView, simulated: boolean, look: Look): string[] {
  const { hosts, fleet, vmMemoryBytes, findings } = capacity
  const lost = hosts.filter(({ status }) => status !== 'up').length
  return [
    ...(hosts.length === 0
      ? ['no hosts: no agent has reported yet']
      : renderTable(hosts, columns(vmMemoryBytes, lost > 0), look, hostTone)),
    '',
    line(
      [
        span('Fleet: '),
        span(`room for ${fleet.room} new VM${fleet.room === 1 ? '' : 's'} of ${memory(vmMemoryBytes)}`, 'bold'),
      ],
      look,
    ),
    line(
      [
        fleet.survivesHostFailure
          ? span('any one host may fail: its VMs fit on the others', 'good')
          : span('the loss of one host may leave VMs without a place', 'warning'),
      ],
      look,
    ),
    ...findingSection(findings, look),
    ...notes(
      [
        simulated ? simulatedFleet : undefined,
        lost === 0 ? undefined : `not up: last known values of ${lost} host${lost === 1 ? '' : 's'}`,
      ],
      look,
    ),
  ]
}

/** A miss of at most this share of a VM's memory is worth a word: a small change makes room for one more. */
const nearMissShare = 1 / 8

/** `3`, or with a near miss `3; 2 MiB short of 4`. */
export function roomText(
  { room, shortOfNextBytes }: Pick<CapacityHost, 'room' | 'shortOfNextBytes'>,
  vmMemoryBytes: number,
): string {
  if (room === undefined) return figure(room, String)
  const near =
    shortOfNextBytes !== undefined && shortOfNextBytes > 0 && shortOfNextBytes <= vmMemoryBytes * nearMissShare
  return near ? `${room}; ${ledgerMemory(shortOfNextBytes)} short of ${room + 1}` : String(room)
}

/** What must find a place elsewhere, against what is free on equal hypervisors. */
export function failureText({
  failure: { fits, neededBytes, freeBytes },
}: {
  readonly failure: Pick<CapacityHost['failure'], 'fits' | 'neededBytes' | 'freeBytes'>
}): Span {
  if (fits) return span('fits', 'good')
  // What is free may be enough in all and too little on each host for one of the VMs.
  return span(neededBytes > freeBytes ? `${ledgerMemory(neededBytes - freeBytes)} short` : 'too scattered', 'warning')
}

function columns(vmMemoryBytes: number, someLost: boolean): readonly Column<CapacityHost>[] {
  const status: Column<CapacityHost> = {
    head: 'STATUS',
    drop: 0,
    cell: ({ status }) => span(status, status === 'up' ? 'plain' : 'critical'),
  }
  return [
    { head: 'HOST', drop: 0, shrinkTo: 12, cell: ({ name }) => name },
    ...(someLost ? [status] : []),
    { head: 'INSTALLED', align: 'right', drop: 3, cell: ({ memoryBytes }) => ledgerMemory(memoryBytes) },
    { head: '− RESERVE', align: 'right', drop: 4, cell: ({ reserveBytes }) => ledgerMemory(reserveBytes) },
    { head: '− CONFIGURED', align: 'right', drop: 2, cell: ({ configuredBytes }) => ledgerMemory(configuredBytes) },
    {
      head: '= SPARE',
      align: 'right',
      drop: 0,
      cell: ({ spareBytes }) => span(ledgerMemory(spareBytes), (spareBytes ?? 0) < 0 ? 'critical' : 'plain'),
    },
    { head: 'ROOM', align: 'right', drop: 0, cell: (host) => roomText(host, vmMemoryBytes) },
    { head: 'IF IT FAILS', align: 'right', drop: 1, cell: failureText },
  ]
}
