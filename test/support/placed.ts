import { placedFleet, type PlacedFleet } from '../../controller/checks/policy/placed-fleet.js'
import type { Policy } from '../../controller/model/policy.js'
import type { Snapshot } from '../../controller/model/snapshot.js'
import { labelsOfVms } from '../../controller/policy/resolve.js'

/** What rules work on, with labels made for it. */
export function placed(snapshot: Snapshot, policy: Policy): PlacedFleet {
  return placedFleet(snapshot, policy, labelsOfVms(policy, snapshot.vms.values()))
}
