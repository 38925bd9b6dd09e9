import { formatBytes, formatDuration } from '../../../common/units.js'
import type { AlertView, FleetView } from '../../api/views.js'
import { memory } from './figures.js'
import { wantsSomebody } from './alert-list.js'
import { findingCounts, findingSection } from './findings.js'
import { line, type Look, type Span, span } from './look.js'
import { notes } from './notes.js'
import { renderPairs } from './table.js'

export interface StatusData {
  readonly fleet: FleetView
  /** Those that fire. */
  readonly alerts: readonly AlertView[]
}

/** The fleet on one screen: what is up, what is full, what is wrong. */
export function renderStatus({ fleet, alerts }: StatusData, look: Look): string[] {
  const { hosts, vms, agents, store } = fleet
  return [
    line(
      [
        span('headroom', 'bold'),
        span(` ${fleet.version}`),
        span(fleet.simulated ? ' – simulated fleet' : '', 'warning'),
      ],
      look,
    ),
    '',
    ...renderPairs(
      [
        ['Hosts', allOf(hosts.up, hosts.total, 'up')],
        ['VMs', `${vms.running} of ${vms.total} running`],
        ['Agents', allOf(agents.connected, agents.total, 'connected')],
        ['Memory', `${memory(fleet.configuredBytes)} configured of ${memory(fleet.memoryBytes)}`],
        ['Room', span(`${fleet.room} new VM${fleet.room === 1 ? '' : 's'}`, fleet.room > 0 ? 'plain' : 'warning')],
        ['Loss of a host', hosts.total === 0 ? undefined : survival(fleet.survivesHostFailure)],
        ['Store', store.ok ? `ok, ${formatBytes(store.sizeBytes)}` : span(`failing: ${store.problem}`, 'critical')],
        ['Queue of it', queueOf(fleet)],
        ['Policy', policyOf(fleet)],
        ['Alerts', alertCount(alerts)],
        ['Findings', findingCounts(fleet.findings)],
      ],
      look,
    ),
    ...findingSection(fleet.findings, look),
    ...notes([fleet.findingsLeftOut === undefined ? undefined : `and ${fleet.findingsLeftOut} findings more`], look),
  ]
}

function alertCount(alerts: readonly AlertView[]): Span {
  const urgent = alerts.filter(wantsSomebody)
  if (urgent.length === 0) return span('none that wants somebody', 'good')
  const worst = urgent.some(({ severity }) => severity === 'critical') ? 'critical' : 'warning'
  return span(`${urgent.length} ${urgent.length === 1 ? 'fires' : 'fire'} (headroom alert list)`, worst)
}

function policyOf({ policy: { version, problem } }: FleetView): Span | undefined {
  const inForce = version === undefined ? 'no version' : `version ${version}`
  if (problem !== undefined)
    return span(`${inForce} goes on: its file is bad or gone (headroom policy show)`, 'warning')
  return version === undefined ? undefined : span(inForce)
}

/** Whether the fleet bears the loss of any one host, as a person reads it. */
export function survival(survivesHostFailure: boolean): Span {
  return survivesHostFailure
    ? span('its VMs fit on the others, whichever it is', 'good')
    : span('may leave VMs without a place (headroom capacity)', 'warning')
}

/** What waits in front of the store, if it is a server and something does or did not get there. */
function queueOf({ at, store: { queue } }: FleetView): Span | undefined {
  if (queue === undefined) return undefined
  const { waitingPoints, bytes, oldestMs, droppedPoints, refusedPoints } = queue
  const age = oldestMs === null ? '' : `, the oldest for ${formatDuration(Math.max(0, at - oldestMs))}`
  const lost = [
    droppedPoints > 0 ? `; ${droppedPoints} given up` : '',
    refusedPoints > 0 ? `; ${refusedPoints} refused by the server` : '',
  ].join('')
  if (waitingPoints === 0) return lost === '' ? undefined : span(`empty${lost}`, 'critical')
  return span(`${waitingPoints} points wait (${formatBytes(bytes)}${age})${lost}`, lost === '' ? 'plain' : 'critical')
}

function allOf(count: number, total: number, word: string): Span {
  return span(`${count} of ${total} ${word}`, count === total ? 'plain' : 'critical')
}
