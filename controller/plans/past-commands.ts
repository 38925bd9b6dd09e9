import type { Command } from '../commands/command.js'
import type { PastMove } from '../planner/live/past-moves.js'

/** The migrations that succeeded, of the commands that are kept: what a VM's rest and the times of further moves go by, over restarts too. */
export function pastMoves(commands: readonly Command[]): PastMove[] {
  return commands.flatMap(({ verb, state, dryRun, vmUuid, move, begunAt, sentAt, endedAt, progress }) => {
    const begun = begunAt ?? sentAt
    const isMove = verb === 'migrate' && state === 'succeeded' && !dryRun
    if (!isMove || move === undefined || begun === undefined || endedAt === undefined) return []
    const { fromHostId, toHostId } = move
    return [{ vmUuid, fromHostId, toHostId, begunAt: begun, endedAt, sentBytes: progress?.doneBytes }]
  })
}
