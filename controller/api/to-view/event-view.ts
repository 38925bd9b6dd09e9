import type { FleetEvent, Snapshot } from '../../model/snapshot.js'
import type { EventView } from '../views.js'

/** An event with its host's name; the id where the host is not known any more. */
export function eventView(event: FleetEvent, hosts: Snapshot['hosts']): EventView {
  const { at, hostId, vmUuid, vmName, kind, reason, message } = event
  return { at, hostId, host: hosts.get(hostId)?.name ?? hostId, vmUuid, vmName, kind, reason, message }
}
