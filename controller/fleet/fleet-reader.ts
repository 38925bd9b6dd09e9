import type { FleetEvent, Snapshot } from '../model/snapshot.js'

export interface FleetChange {
  readonly revision: number
  readonly events: readonly FleetEvent[]
  /** Told now, of a time when nobody listened: they say nothing of the present. */
  readonly lateEvents: readonly FleetEvent[]
}

/** What the rest of the controller sees of the live state. Snapshots share unchanged entities, so identity tells what changed. */
export interface FleetReader {
  snapshot(): Snapshot
  /** Calls back after each change, and when events are told. Returns the unsubscribe. The listener must be quick and must not throw. */
  subscribe(listener: (change: FleetChange) => void): () => void
}
