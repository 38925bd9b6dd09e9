import type { UnsettledMove } from '../model/circumstances.js'
import { isOver, type Command } from './command.js'

/** Of each VM the last move that was sent, unless it has ended well or a person has said since where the VM goes on. Newest first. Pure. */
export function unsettledMoves(commands: readonly Command[]): readonly UnsettledMove[] {
  const seen = new Set<string>()
  const unsettled: UnsettledMove[] = []
  for (const command of commands.toSorted((a, b) => b.number - a.number)) {
    const { verb, dryRun, state, vmUuid, move, number, sentAt } = command
    const isMove = verb === 'migrate' && sentAt !== undefined
    const settles = verb === 'resolve' && state === 'succeeded'
    if (dryRun || move === undefined || seen.has(vmUuid) || !(isMove || settles)) continue
    seen.add(vmUuid)
    if (settles || state === 'succeeded') continue
    const { fromHostId, fromHostName, toHostId, toHostName } = move
    unsettled.push({ vmUuid, number, fromHostId, fromHostName, toHostId, toHostName, stands: standOf(command) })
  }
  return unsettled
}

function standOf(command: Command): UnsettledMove['stands'] {
  if (command.move?.hasLeft === true) return 'between'
  if (!isOver(command)) return 'under-way'
  return command.state === 'unknown' ? 'between' : 'stayed'
}
