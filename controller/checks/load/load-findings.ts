import type { Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import type { Host } from '../../model/snapshot.js'
import type { WatchedArray } from '../../model/watched-array.js'
import type { PlacedFleet } from '../policy/placed-fleet.js'
import { arrayCache } from './array-cache.js'
import { arrayLatency } from './array-latency.js'
import { cpuSaturated } from './cpu-saturated.js'
import { cpuSteal } from './cpu-steal.js'
import { hostMemoryPressure } from './host-memory-pressure.js'
import { vmDiskLatency } from './vm-disk-latency.js'
import { vmHammersArray } from './vm-hammers-array.js'

type StorageCheck = (fleet: PlacedFleet, watched: ReadonlyMap<string, WatchedArray>) => Finding[]

const storageChecks = [
  vmHammersArray,
  arrayLatency,
  vmDiskLatency,
  arrayCache,
] as const satisfies readonly StorageCheck[]

/** Of hosts that are up. */
const hostChecks = [hostMemoryPressure, cpuSaturated, cpuSteal] as const satisfies readonly ((
  host: Host,
  policy: Policy,
) => Finding | undefined)[]

/**
 * What is said of load and of what waits for it, exceptions not yet taken out.
 * @param watched what boxes with write caches are like, by id of the box
 */
export function loadFindings(fleet: PlacedFleet, watched: ReadonlyMap<string, WatchedArray> = new Map()): Finding[] {
  const { policy, snapshot, ofVms } = fleet
  const found = storageChecks.flatMap((check) => check(fleet, watched))
  for (const host of snapshot.hosts.values()) {
    if (host.status !== 'up') continue
    for (const check of hostChecks) {
      const one = check(host, policy)
      if (one !== undefined) found.push(one)
    }
  }
  return [...found, ...ofVms]
}
