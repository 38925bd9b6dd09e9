import type { Finding } from '../../model/finding.js'
import type { PlacedFleet } from '../policy/placed-fleet.js'
import { arrayLatency } from './array-latency.js'
import { boxLoads, type BoxLoad } from './box-load.js'
import { vmDiskLatency } from './vm-disk-latency.js'
import { vmHammersArray } from './vm-hammers-array.js'

type StorageCheck = (fleet: PlacedFleet, loads: ReadonlyMap<string, BoxLoad>) => Finding[]

const storageChecks = [vmHammersArray, arrayLatency, vmDiskLatency] as const satisfies readonly StorageCheck[]

/** What is said of load and of what waits for it, exceptions not yet taken out. */
export function loadFindings(fleet: PlacedFleet): Finding[] {
  const loads = boxLoads(fleet)
  return storageChecks.flatMap((check) => check(fleet, loads))
}
