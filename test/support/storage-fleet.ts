import type { Finding } from '../../controller/model/finding.js'
import type { Policy } from '../../controller/model/policy.js'
import type { Snapshot } from '../../controller/model/snapshot.js'
import type { WatchedArray } from '../../controller/model/watched-array.js'
import type { PlacedFleet } from '../../controller/checks/policy/placed-fleet.js'
import { placed } from './placed.js'
import { policyOf } from './policy-with.js'
import { buildSnapshot, type VmRow } from './snapshot-builder.js'
import type { Io } from './snapshot-io.js'

/** A host, two arrays that are one box to the policy, and VMs on them: for tests of checks of storage. `c*` are core VMs, `p*` personal ones. */

export const boxKey = 'iscsi:box'
export const secondKey = 'iscsi:two'

const classes = `
groups:
  - { name: core, class: core, match: ["c*"] }
  - { name: people, class: personal, match: ["p*"] }
arrays: [{ name: the box, match: "iscsi:*", join: true }]
`

/** The policy of the fleet, with more lines. */
export function storagePolicy(more = ''): Policy {
  return policyOf(`${classes}${more}`)
}

export function vmOnBox(name: string, more: Partial<VmRow> = {}): VmRow {
  return { name, host: 'a', memoryMiB: 1024, array: boxKey, ...more }
}

/** A personal VM, a core VM and one of no class, if nothing else is said. */
export function storageFleet(vms: readonly VmRow[] = ['p1', 'c1', 'x1'].map((name) => vmOnBox(name))): Snapshot {
  return buildSnapshot({
    hosts: [{ name: 'a', memoryMiB: 65_536 }],
    arrays: [
      { key: boxKey, name: 'box', kind: 'iscsi' },
      { key: secondKey, name: 'two', kind: 'iscsi' },
    ],
    vms,
  })
}

/** Writes of 64 KiB: so many a second, of which each takes so long. */
export function writes(requests: number, latencyMs?: number): Io {
  return { write: [requests * 65_536, requests, latencyMs] }
}

/** Nothing is completed, and so many requests wait. */
export function standsStill(inFlight: number): Io {
  return { read: [0, 0], write: [0, 0], inFlight }
}

export function foundBy(
  check: (fleet: PlacedFleet, watched: ReadonlyMap<string, WatchedArray>) => Finding[],
  snapshot: Snapshot,
  policy = storagePolicy(),
  watched: ReadonlyMap<string, WatchedArray> = new Map(),
): Finding[] {
  return check(placed(snapshot, policy), watched)
}

/** `raise warning p1`. */
export function inShort({ strength, severity, subject }: Finding): string {
  return `${strength} ${severity} ${subject.name}`
}
