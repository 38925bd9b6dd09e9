import { placedFleet, type PlacedFleet } from '../../controller/checks/policy/placed-fleet.js'
import type { Policy } from '../../controller/model/policy.js'
import type { Snapshot } from '../../controller/model/snapshot.js'
import { capacity, type Capacity } from '../../controller/checks/capacity.js'

/** What checks work on. */
export function placed(snapshot: Snapshot, policy: Policy): PlacedFleet {
  return placedFleet(snapshot, policy)
}

export function capacityOf(snapshot: Snapshot, policy: Policy): Capacity {
  return capacity(snapshot, policy, placedFleet(snapshot, policy).occupants)
}
