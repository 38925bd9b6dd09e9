import type { VmEnd } from '../model/recent-changes.js'
import type { FleetEvent } from '../model/snapshot.js'

/** What an event says of a VM's end; `alive`: that it goes on; undefined: nothing of the kind. */
export function endToldBy({ kind, reason }: Pick<FleetEvent, 'kind' | 'reason'>): VmEnd | 'alive' | undefined {
  switch (kind) {
    case 'undefined':
      return reason === 'migrated' ? 'moved' : 'removed'
    case 'shutdown':
      return 'ended'
    case 'stopped':
      return endByReason(reason)
    case 'crashed':
      return 'crashed'
    case 'started':
    case 'resumed':
    case 'defined':
      return 'alive'
    default:
      return undefined
  }
}

/** Why a VM is off, as its host says. */
export function endByReason(reason: string): VmEnd {
  switch (reason) {
    case 'shutdown':
    case 'destroyed':
    case 'saved':
    case 'from-snapshot':
      return 'ended'
    case 'migrated':
      return 'moved'
    case 'crashed':
    case 'panicked':
    case 'failed':
      return 'crashed'
    default:
      return 'stopped'
  }
}
