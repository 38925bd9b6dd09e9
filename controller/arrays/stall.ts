import type { ArrayTick } from '../model/array-condition.js'

/** Reports may be two seconds late, and one large request may take as long; an array that takes longer for each stands still. */
const stallSeconds = 5
/** What waits at the end of a long step need not have waited all of it. */
const longestStepSeconds = 2

/**
 * For how long nothing has ended though requests wait, or the canary's write is overdue. Silence is no stall: hosts that tell nothing
 * leave it as it was. One write that ends, the canary's too, ends it.
 */
export function stillAfter(before: number, tick: ArrayTick): number {
  const { writeRequests, readRequests, inFlight, canaryMs, canaryOverdueMs, seconds } = tick
  const isOverdue = canaryOverdueMs !== undefined
  const ended = (writeRequests ?? 0) + (readRequests ?? 0)
  if (ended > 0 || (canaryMs !== undefined && !isOverdue)) return 0
  if (writeRequests === undefined && inFlight === undefined && !isOverdue) return before
  // What ended in a long time may have ended at any moment of it.
  if (tick.late !== undefined && !isOverdue) return before
  const waits = (inFlight ?? 0) > 0 || isOverdue
  return waits ? Math.max(before + Math.min(seconds, longestStepSeconds), (canaryOverdueMs ?? 0) / 1000) : 0
}

export function isStalled(stillSeconds: number): boolean {
  return stillSeconds >= stallSeconds
}
