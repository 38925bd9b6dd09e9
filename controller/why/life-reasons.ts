import { fleetSubject, hostSubject, vmSubject, type Severity, type Subject } from '../model/finding.js'
import { isRunning, type FleetEvent, type Snapshot, type VmState } from '../model/snapshot.js'
import type { Around, Known, Reason } from './reason.js'

/** How long ago an end that nobody asked for is still news. */
const newsMs = 86_400_000

/** What state the VM is in and since when, and what happened to it and its host of late. */
export function lifeReasons(around: Around, { snapshot, events }: Pick<Known, 'snapshot' | 'events'>): Reason[] {
  return [stateReason(around), ...(events ?? []).map((event) => eventReason(event, around, snapshot))]
}

function stateReason({ vm, host }: Around): Reason {
  const { state, stateReason: reason, stateSince: since } = vm
  const because = reason === '' ? '' : ` (${reason})`
  const says = `${state}${because} on ${host?.name ?? vm.hostId}`
  return { topic: 'state', severity: severityOf(state), subject: vmSubject(vm), says, since }
}

function severityOf(state: VmState): Severity {
  if (state === 'crashed') return 'critical'
  return isRunning(state) ? 'info' : 'warning'
}

function eventReason(event: FleetEvent, { vm, host }: Around, { at, hosts }: Snapshot): Reason {
  const { kind, reason, message, hostId } = event
  const isFresh = at - event.at < newsMs
  const isEnd = kind === 'crashed' || kind === 'hypervisor-lost' || reason === 'failed' || reason === 'crashed'
  const ofVm = event.vmUuid === vm.uuid
  const where = ofVm && hostId !== vm.hostId ? ` on ${hosts.get(hostId)?.name ?? hostId}` : ''
  const because = reason === '' || reason === kind ? '' : ` (${reason})`
  const subject: Subject = ofVm ? vmSubject(vm) : host === undefined ? fleetSubject : hostSubject(host)
  return {
    topic: 'event',
    severity: isEnd && isFresh ? 'warning' : 'info',
    subject,
    says: `${kind}${because}${where}${message === '' ? '' : `: ${message}`}`,
    since: event.at,
  }
}
