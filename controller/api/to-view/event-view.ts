import { arrayIdOf } from '../../model/array-event.js'
import type { FleetEvent, Snapshot } from '../../model/snapshot.js'
import type { EventView } from '../views.js'

/** An event with its host's name, the id where the host is not known any more; one of an array with what that was called. */
export function eventView(event: FleetEvent, hosts: Snapshot['hosts']): EventView {
  const { at, hostId, vmUuid, vmName, kind, reason, message } = event
  const arrayId = arrayIdOf(event)
  const what = arrayId === undefined ? { vmName, reason } : { vmName: '', arrayId, array: vmName, reason: '' }
  return { at, hostId, host: hosts.get(hostId)?.name ?? hostId, vmUuid, kind, message, ...what }
}
