import type { FleetChange, FleetReader } from '../../controller/fleet/fleet-reader.js'
import type { FleetEvent, Snapshot } from '../../controller/model/snapshot.js'

/** A fleet whose snapshots are set by the test. */
export class HandFleet implements FleetReader {
  readonly #listeners = new Set<(change: FleetChange) => void>()

  constructor(private current: Snapshot) {}

  snapshot(): Snapshot {
    return this.current
  }

  subscribe(listener: (change: FleetChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  set(next: Snapshot, events: readonly FleetEvent[] = []): void {
    this.current = next
    for (const listener of this.#listeners) listener({ revision: next.revision, events, lateEvents: [] })
  }

  get listeners(): number {
    return this.#listeners.size
  }
}
