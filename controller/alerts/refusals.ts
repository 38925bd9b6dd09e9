/** What a lane's other side would not take, or not for all: shown until it takes something, or for a day. */
export interface Refusal {
  readonly target: string
  readonly reason: string
  /** On the alerts' clock. */
  readonly clockMs: number
}

/** By lane, the oldest first. */
export type Refusals = ReadonlyMap<string, Refusal>

/** Nothing may be sent there ever again (an owner who has left): who looks has seen it by then. */
export const shownForMs = 24 * 3_600_000
/** The oldest gives way. */
const mostRefusals = 1000
/** A side that is told each minute and never takes it need not be written down each minute. */
const notedEveryMs = 600_000

/** After one was refused, or not taken for all. */
export function withRefusal(refusals: Refusals, lane: string, refusal: Refusal): Refusals {
  const before = refusals.get(lane)
  if (before?.reason === refusal.reason && refusal.clockMs - before.clockMs < notedEveryMs) return refusals
  const next = new Map(refusals)
  next.delete(lane)
  next.set(lane, refusal)
  for (const oldest of next.keys()) {
    if (next.size <= mostRefusals) break
    next.delete(oldest)
  }
  return next
}

/** After one was taken. */
export function withoutRefusal(refusals: Refusals, lane: string): Refusals {
  return refusals.has(lane) ? new Map([...refusals].filter(([other]) => other !== lane)) : refusals
}

/** Without those that were shown for long enough, or whose way is not there any more. */
export function withoutOldRefusals(refusals: Refusals, clockMs: number, targets: ReadonlySet<string>): Refusals {
  const kept = [...refusals].filter(
    ([, refusal]) => clockMs - refusal.clockMs < shownForMs && targets.has(refusal.target),
  )
  return kept.length === refusals.size ? refusals : new Map(kept)
}
