import type { ArrayCondition } from '../../controller/model/array-condition.js'
import { nobodySuspected, type Culprits, type Suspect } from '../../controller/model/culprits.js'
import type { WatchedArray } from '../../controller/model/watched-array.js'
import { uuidOf } from './snapshot-builder.js'
import { boxKey } from './storage-fleet.js'

/** Boxes with write caches as checks are told of them. */

/** A VM that copies; `kind: 'host'` a host itself. */
export function suspectOf(name: string, change: Partial<Suspect> = {}, kind: 'vm' | 'host' = 'vm'): Suspect {
  return {
    members: [{ id: kind === 'vm' ? uuidOf(name) : `id-${name}`, kind, name }],
    isHerd: false,
    inCommon: [],
    shareOfInflow: 0.8,
    shareOfRequests: 0.3,
    shareOfWait: 0.9,
    writeBytesPerSecond: 60e6,
    readBytesPerSecond: 0,
    requestsPerSecond: 120,
    usualRequestsPerSecond: 5,
    blame: 0.8,
    since: Date.UTC(2026, 2, 2, 14, 3, 20),
    confidence: 'high',
    ...change,
  }
}

/** While others wait. */
export function culpritsOf(suspects: readonly Suspect[], change: Partial<Culprits> = {}): Culprits {
  const [member] = suspects[0]?.members ?? []
  return { incidentSince: 0, suspects, victims: [], mostBytes: member, ...change }
}

export function watchedOf(condition: ArrayCondition, change: Partial<WatchedArray> = {}): WatchedArray {
  return {
    condition,
    expectsWriteBack: true,
    arrayKeys: [boxKey],
    users: [],
    culprits: nobodySuspected,
    events: [],
    ...change,
  }
}
