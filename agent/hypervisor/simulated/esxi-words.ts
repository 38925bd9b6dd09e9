import type { EventKind, HypervisorEvent, HypervisorKind, VmRaw, VmStateReason } from '../hypervisor.js'

/** The real ESXi driver tells that a VM is off, and not why: what the simulation knows of that is not shown either. */

type Told = Pick<VmRaw, 'state' | 'stateReason'>

const knownReasons: ReadonlySet<VmStateReason> = new Set(['booted', 'migrated', 'restored', 'saved'])

function reasonTold(reason: VmStateReason | undefined): VmStateReason {
  return reason !== undefined && knownReasons.has(reason) ? reason : 'unknown'
}

/** A VM's state as the driver of a kind tells it. */
export function stateTold(kind: HypervisorKind, { state, stateReason }: Required<Told>): Required<Told> {
  if (kind !== 'esxi') return { state, stateReason }
  return { state: state === 'crashed' ? 'shutoff' : state, stateReason: reasonTold(stateReason) }
}

const kindsOfEsxi: Partial<Record<EventKind, EventKind | 'untold'>> = { crashed: 'stopped', shutdown: 'untold' }

/** An event as the driver of a kind tells it; undefined: not at all. */
export function eventTold(kind: HypervisorKind, event: HypervisorEvent): HypervisorEvent | undefined {
  if (kind !== 'esxi' || event.vmUuid === undefined) return event
  const told = kindsOfEsxi[event.kind] ?? event.kind
  return told === 'untold' ? undefined : { ...event, kind: told, reason: reasonTold(event.reason) }
}
