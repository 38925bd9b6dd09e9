import type { EventView } from '../api/views.js'

/** What a look at the newest events brought that the look before did not have. */
export interface FreshEvents {
  /** Oldest first. */
  readonly fresh: readonly EventView[]
  /** Keys of all that is known now; pass it to the next call. Never more than one answer holds. */
  readonly seen: ReadonlySet<string>
  /** True: more happened than one answer holds, some were not seen. */
  readonly missed: boolean
}

/**
 * Compares two looks at the newest `limit` events. Events that arrive late (after an outage of their agent) are found by being new,
 * not by their time.
 */
export function freshEvents(seen: ReadonlySet<string>, newest: readonly EventView[], limit: number): FreshEvents {
  const keyed = newest.map((event) => ({ event, key: keyOf(event) }))
  const fresh = keyed.filter(({ key }) => !seen.has(key)).map(({ event }) => event)
  return {
    fresh: fresh.sort((a, b) => a.at - b.at),
    seen: new Set(keyed.map(({ key }) => key)),
    missed: seen.size > 0 && newest.length >= limit && fresh.length === newest.length,
  }
}

function keyOf({ at, hostId, vmUuid, arrayId, kind, reason, message }: EventView): string {
  return JSON.stringify([at, hostId, vmUuid, arrayId, kind, reason, message])
}
