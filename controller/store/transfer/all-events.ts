import type { FleetEvent } from '../../model/snapshot.js'
import type { EventQuery, TimeSeries } from '../time-series.js'

const eventsOfOnePage = 2000

/** All events of a time, the newest first, in pages. Each comes once. */
export async function* allEvents(
  store: Pick<TimeSeries, 'events'>,
  { fromMs, toMs }: Pick<EventQuery, 'fromMs' | 'toMs'>,
): AsyncGenerator<readonly FleetEvent[]> {
  let endMs = toMs
  let said = new Set<string>()
  for (;;) {
    const page = await store.events({ fromMs, toMs: endMs, limit: eventsOfOnePage })
    const fresh = page.filter((event) => !said.has(keyOf(event)))
    if (fresh.length > 0) yield fresh
    const oldest = page.at(-1)
    if (oldest === undefined || page.length < eventsOfOnePage) return
    // Those of the same moment come again; a page of one moment is passed.
    endMs = oldest.at + 1 < endMs ? oldest.at + 1 : oldest.at
    said = new Set(page.filter(({ at }) => at === oldest.at).map(keyOf))
  }
}

function keyOf({ at, hostId, vmUuid, kind, reason, message }: FleetEvent): string {
  return JSON.stringify([at, hostId, vmUuid, kind, reason, message])
}
