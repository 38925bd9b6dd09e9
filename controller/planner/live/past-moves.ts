import { groupBy } from '../../../common/group-by.js'
import type { MoveRules } from '../../model/policy.js'

/** A VM that was moved to another host, by a command that succeeded. Times are milliseconds since the epoch. */
export interface PastMove {
  readonly vmUuid: string
  readonly fromHostId: string
  readonly toHostId: string
  readonly begunAt: number
  readonly endedAt: number
  /** What was sent, where that is known. */
  readonly sentBytes: number | undefined
}

const dayMs = 86_400_000
const longestMs = 7 * dayMs

export interface Rest {
  /** Until then it stays. */
  readonly until: number
  /** Moves within a day before the last one, that one included. */
  readonly moves: number
  /** Where it came from within a day: it does not go straight back. */
  readonly cameFrom: string | undefined
}

/**
 * How long VMs that moved stay where they are, by UUID: twice as long with each move within a day of the last one, a week at most, or
 * once the policy's time where that is longer. */
export function restsOf(
  past: readonly PastMove[],
  { coolDownMs }: Pick<MoveRules, 'coolDownMs'>,
  now: number,
): ReadonlyMap<string, Rest> {
  const byVm = groupBy(past, ({ vmUuid }) => vmUuid)
  const rests = new Map<string, Rest>()
  for (const [uuid, moves] of byVm) {
    const [last, ...before] = moves.toSorted((a, b) => b.endedAt - a.endedAt)
    if (last === undefined) continue
    const recent = 1 + before.filter(({ endedAt }) => last.endedAt - endedAt < dayMs).length
    const until = last.endedAt + Math.min(Math.max(longestMs, coolDownMs), coolDownMs * 2 ** (recent - 1))
    const cameFrom = now - last.endedAt < Math.max(dayMs, until - last.endedAt) ? last.fromHostId : undefined
    if (until > now || cameFrom !== undefined) rests.set(uuid, { until, moves: recent, cameFrom })
  }
  return rests
}
