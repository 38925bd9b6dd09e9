import type { FleetEvent, Snapshot } from '../model/snapshot.js'

export interface FleetChange {
  readonly revision: number
  readonly events: readonly FleetEvent[]
}

/** What the rest of the controller sees of the live state. Snapshots share unchanged entities, so identity tells what changed. */
export interface FleetReader {
  snapshot(): Snapshot
  /** Calls back after each change. Returns the unsubscribe. The listener must be quick and must not throw. */
  subscribe(listener: (change: FleetChange) => void): () => void
}
