import type { Verdict } from '../../../common/verbs.js'
import type { VmNow, VmStateReason } from '../../hypervisor/hypervisor.js'
import type { MoveMark } from '../move-marks.js'
import { isOff, isRunning } from './verb-work.js'

/** How libvirt calls the halt of a VM that it moves. */
const haltedByMove: ReadonlySet<VmStateReason> = new Set(['migration', 'post-copy', 'post-copy-failed', 'unknown'])
/** How it calls the end of a run that has moved; after its own restart it may not know, or call it a crash. */
const endedByMove: ReadonlySet<VmStateReason> = new Set(['migrated', 'unknown', 'daemon', 'crashed', 'failed'])
/** How it calls the end of what has run here. */
const endedItself: ReadonlySet<VmStateReason> = new Set(['shutdown', 'saved'])

/** Whether a step of a move may let a VM go on here, by what this agent itself knows of that move. Pure. */
export function arriveVerdict(vm: VmNow, mark: MoveMark | undefined, moveId: string | undefined): Verdict {
  // Then there is nothing to do.
  if (isRunning(vm)) return yes('it runs')
  const known = ofThisMove(mark, moveId)
  if (typeof known === 'string') return no(known)
  if (known.kind === 'expected') return yes('it was announced here before it came')
  if (known.kind === 'leaving') return halted(vm, known)
  return no(
    known.kind === 'left' ? 'it has left this host' : 'it has arrived already: who halted it since lets it go on',
  )
}

/** Whether a step of a move may end and forget the copy here. Pure. */
export function discardVerdict(vm: VmNow, mark: MoveMark | undefined, moveId: string | undefined): Verdict {
  const known = ofThisMove(mark, moveId)
  if (typeof known === 'string') return no(known)
  const { kind } = known
  if (kind === 'arrived') return no('it has arrived here, and is no copy that is left over')
  if (kind === 'expected') {
    if (isOff(vm) && endedItself.has(vm.stateReason)) return no(`it has run here since: it is off (${vm.stateReason})`)
    return yes('it was announced here, and has not run here since')
  }
  if (!isOff(vm))
    return kind === 'left' ? no('it has left this host, and has begun anew here since') : halted(vm, known)
  return endedByMove.has(vm.stateReason)
    ? yes('this agent moved it to another host')
    : no(`its run here ended otherwise than by a move (${vm.stateReason})`)
}

function halted({ runId, stateReason }: VmNow, mark: MoveMark): Verdict {
  if (runId !== mark.runId) return no('another run of it has begun here since this agent moved it')
  return haltedByMove.has(stateReason)
    ? yes('this agent has begun to move it, and it is halted for that')
    : no(`it is halted for another reason than its move (${stateReason})`)
}

function ofThisMove(mark: MoveMark | undefined, moveId: string | undefined): MoveMark | string {
  if (mark === undefined) return 'this agent knows of no move of it: it moved it nowhere, and let none be announced'
  return mark.moveId === moveId ? mark : 'what this agent knows is of another move of it'
}

function yes(says: string): Verdict {
  return { check: 'move', ok: true, says }
}

function no(says: string): Verdict {
  return { check: 'move', ok: false, says }
}
