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
  const known = ofThisMove(vm, mark, moveId)
  if (typeof known === 'string') return no(known)
  if (known.kind === 'expected') return yes('it was announced here before it came')
  if (known.kind === 'leaving') return halted(vm, known)
  return no(
    known.kind === 'left' ? 'it has left this host' : 'it has arrived already: who halted it since lets it go on',
  )
}

/** Whether what this agent knows is of that move, and of this VM. Pure. */
export function isOfMove(vm: VmNow, mark: MoveMark | undefined, moveId: string | undefined): boolean {
  return typeof ofThisMove(vm, mark, moveId) !== 'string'
}

/** Whether a step of a move may end and forget the copy here. Pure. */
export function discardVerdict(vm: VmNow, mark: MoveMark | undefined, moveId: string | undefined): Verdict {
  const known = ofThisMove(vm, mark, moveId)
  if (typeof known === 'string') return no(known)
  const { kind } = known
  if (kind === 'arrived') return no('it has arrived here, and is no copy that is left over')
  if (kind === 'expected') return ofExpected(vm, known)
  if (!isOff(vm))
    return kind === 'left' ? no('it has left this host, and has begun anew here since') : halted(vm, known)
  if (endedByMove.has(vm.stateReason)) return yes('this agent moved it to another host')
  return known.isEnding === true && vm.stateReason === 'destroyed'
    ? yes('this agent has ended the copy that was halted for its move')
    : no(`its run here ended otherwise than by a move (${vm.stateReason})`)
}

/** libvirt calls a VM halted by its user that has come, and one that its owner has started halted: where there was one before, only the seen arrival tells. */
function ofExpected(vm: VmNow, { runId, wasDefined }: MoveMark): Verdict {
  const { stateReason } = vm
  if (isOff(vm) && endedItself.has(stateReason)) return no(`it has run here since: it is off (${stateReason})`)
  if (!isOff(vm) && wasDefined && vm.runId !== runId && !haltedByMove.has(stateReason))
    return no(`this host had it before, it is halted (${stateReason}), and was not seen to come here by its move`)
  return yes('it was announced here, and has not run here since')
}

function halted({ runId, stateReason }: VmNow, mark: MoveMark): Verdict {
  if (runId !== mark.runId) return no('another run of it has begun here since this agent moved it')
  return haltedByMove.has(stateReason)
    ? yes('this agent has begun to move it, and it is halted for that')
    : no(`it is halted for another reason than its move (${stateReason})`)
}

function ofThisMove({ name }: VmNow, mark: MoveMark | undefined, moveId: string | undefined): MoveMark | string {
  if (mark === undefined) return 'this agent knows of no move of it: it moved it nowhere, and let none be announced'
  if (mark.moveId !== moveId) return 'what this agent knows is of another move of it'
  // Announced as one that may move, it may turn out to be one that may not.
  return mark.vmName === '' || mark.vmName === name ? mark : 'its move is of a VM of another name'
}

function yes(says: string): Verdict {
  return { check: 'move', ok: true, says }
}

function no(says: string): Verdict {
  return { check: 'move', ok: false, says }
}
