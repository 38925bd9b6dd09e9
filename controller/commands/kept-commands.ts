import type { UnsettledMove } from '../model/circumstances.js'
import { isOver, type Command } from './command.js'

/** How many commands that have ended are kept, the newest, of each kind. */
export const mostOfKind = { move: 5000, idle: 1000, other: 5000 } as const
/** VMs whose last move is not settled: it is kept however old it is. */
const mostUnsettled = 1000
/** So long plans go by moves, such as back to a host that was emptied. */
const movesKeptMs = 7 * 86_400_000

/**
 * Commands that have ended and give way to newer ones. What did nothing (refused, or a dry run) pushes out nothing but its like, and moves of the
 * last week, and the last of a VM that is not settled, stay: plans go by them, and without it nobody could say where the VM goes on. Pure.
 * @param commands newest first
 */
export function givingWay(
  commands: readonly Command[],
  unsettled: readonly Pick<UnsettledMove, 'number'>[],
  now: number,
): readonly Command[] {
  const open = new Set(commands.flatMap((command) => (isOver(command) ? [] : [command.id])))
  const needed = new Set(unsettled.slice(0, mostUnsettled).map(({ number }) => number))
  const kept = { move: 0, idle: 0, other: 0 }
  return commands.filter((command) => {
    const { number, stepOf } = command
    if (!isOver(command) || needed.has(number) || (stepOf !== undefined && open.has(stepOf))) return false
    const kind = kindOf(command, now)
    kept[kind] += 1
    return kept[kind] > mostOfKind[kind]
  })
}

/** What makes a move settled is kept as long as the move is: else it would be unsettled again. */
function kindOf({ verb, state, dryRun, sentAt, endedAt = 0 }: Command, now: number): keyof typeof mostOfKind {
  if (dryRun) return 'idle'
  const isMove = (verb === 'migrate' && sentAt !== undefined) || (verb === 'resolve' && state === 'succeeded')
  if (isMove) return endedAt > now - movesKeptMs ? 'move' : 'other'
  return state === 'refused' ? 'idle' : 'other'
}
