import { eventWords } from '../arrays/array-event-words.js'
import { arrayEventKind, type ArrayEvent } from '../model/array-event.js'
import type { FleetEvent } from '../model/snapshot.js'

/** A cache that wavers tells of one thing no more often. */
const toldEveryMs = 60_000

/**
 * What became of a box since the event that was its newest, as events of the fleet; the newest last. One that follows another of its kind within a minute is
 * left out: the history would be of nothing else.
 *
 * @param events the newest first
 * @param since the event that was the newest; undefined: none
 */
export function fleetEventsSince(
  events: readonly ArrayEvent[],
  since: ArrayEvent | undefined,
  { id, name }: { readonly id: string; readonly name: string },
): FleetEvent[] {
  const until = events.findIndex((event) => isSame(event, since))
  return events
    .slice(0, until === -1 ? undefined : until)
    .filter((event, index) => !isRepeated(event, events.slice(index + 1)))
    .map((event) => ({
      at: event.at,
      hostId: '',
      vmUuid: '',
      vmName: name,
      kind: arrayEventKind(event.what),
      reason: id,
      message: eventWords(event),
    }))
    .toReversed()
}

function isSame(event: ArrayEvent, other: ArrayEvent | undefined): boolean {
  return event.at === other?.at && event.what === other.what
}

function isRepeated({ at, what }: ArrayEvent, older: readonly ArrayEvent[]): boolean {
  return older.some((event) => event.what === what && at - event.at < toldEveryMs)
}
