import { formatDuration } from '../../../common/units.js'
import type { KeptPlanView, PlannedMoveView } from '../../api/plan-views.js'

/** How a VM gets to its other host, and who does it. */
export function wayWords({ kind, by }: Pick<PlannedMoveView, 'kind' | 'by'>): string {
  const ways: Readonly<Record<PlannedMoveView['kind'], string>> = {
    live: 'while it runs',
    'live-storage-copy': 'while it runs, with its disks',
    'cold-copy': 'off, with a copy of its disks',
    'cold-restart': 'off, started anew there',
    'disk-swap': 'off, with its disk carried over',
  }
  return by === 'person' ? `${ways[kind]}, by hand` : ways[kind]
}

export function spanWords({ leastMs, mostMs }: PlannedMoveView['times']['duration']): string {
  const [least, most] = [formatDuration(leastMs), formatDuration(mostMs)]
  return least === most ? least : `${least} to ${most}`
}

/** `2 of 5 moves done`. */
export function progressWords({ moves }: Pick<KeptPlanView, 'moves'>): string {
  const done = moves.filter(({ state }) => state === 'done').length
  return `${done} of ${moves.length} move${moves.length === 1 ? '' : 's'} done`
}

/** What can be done with a plan in that state: apply, stop, give up. */
export function choicesOf(state: KeptPlanView['state']): { readonly apply?: string; readonly stop?: string } {
  switch (state) {
    case 'proposed':
      return { apply: 'Approve and begin', stop: 'Give it up' }
    case 'stopped':
      return { apply: 'Resume', stop: 'Give it up' }
    case 'applying':
      return { stop: 'Stop after this move' }
    case 'done':
    case 'cancelled':
      return {}
  }
}

/** Why a plan goes on no more: `It was given up by ann`, `It stopped: www is gone`. */
export function endWords({ state, reason }: Pick<KeptPlanView, 'state' | 'reason'>): string {
  const isByPerson = reason.startsWith('by ')
  switch (state) {
    case 'stopped':
      return isByPerson ? `It was stopped ${reason}` : `It stopped: ${reason}`
    case 'cancelled':
      return isByPerson ? `It was given up ${reason}` : `It ended: ${reason}`
    case 'done':
    case 'proposed':
    case 'applying':
      return reason
  }
}

/** Over the page of a plan that cannot be shown. */
export function missingTitle(number: number, isUnreachable: boolean): string {
  return isUnreachable ? `Plan ${number} could not be read` : `No plan ${number}`
}
