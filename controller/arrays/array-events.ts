import type { ArrayCondition, ArrayCacheState } from '../model/array-condition.js'
import type { ArrayEvent } from '../model/array-event.js'

/** Of one box: older ones are forgotten. */
export const mostEvents = 20
/** A figure that differs by less from what was told last is the same. */
const changeTold = 0.1

/** What became of a cache from one moment to the next, added to what is remembered. The newest first. */
export function eventsAfter(
  before: readonly ArrayEvent[],
  last: ArrayCondition | undefined,
  now: ArrayCondition,
): readonly ArrayEvent[] {
  if (last === undefined) return before
  const fresh = [...stateEvents(last.state, now), ...learntEvents(before, last, now)]
  return fresh.length === 0 ? before : [...fresh.toReversed(), ...before].slice(0, mostEvents)
}

function stateEvents(last: ArrayCacheState, { state, at }: ArrayCondition): ArrayEvent[] {
  if (state === last) return []
  switch (state) {
    case 'saturated':
      // From a stall it comes back to what it was before.
      return [last === 'stalled' ? { at, what: 'moves-again' } : { at, what: 'overflow' }]
    case 'stalled':
      return [{ at, what: 'stall' }]
    case 'write-through':
      return [{ at, what: 'cache-off' }]
    default:
      if (last === 'stalled') return [{ at, what: 'moves-again' }]
      if (last === 'write-through') return [{ at, what: 'cache-on' }]
      return last === 'draining' && state === 'idle' ? [{ at, what: 'drained' }] : []
  }
}

/** What it holds and drains, where this array showed it and it is not what was told of it last. */
function learntEvents(before: readonly ArrayEvent[], last: ArrayCondition, now: ArrayCondition): ArrayEvent[] {
  const { at, capacity, drains } = now
  const found: ArrayEvent[] = []
  const tell = (what: 'learnt-capacity' | 'learnt-drain', value: number, former: number | undefined): void => {
    const told = before.find((event) => event.what === what)
    const known = told?.value ?? former
    if (known === undefined || Math.abs(value - known) > changeTold * known) found.push({ at, what, value })
  }
  if (capacity.basis === 'learnt') {
    tell('learnt-capacity', capacity.likely, last.capacity.basis === 'learnt' ? last.capacity.likely : undefined)
  }
  const drain = drains.sequential
  if (drain?.basis === 'learnt') {
    const former = last.drains.sequential
    tell('learnt-drain', drain.likely, former?.basis === 'learnt' ? former.likely : undefined)
  }
  return found
}
