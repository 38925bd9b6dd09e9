import type { Circumstances } from '../model/circumstances.js'
import { severityRank, type Finding } from '../model/finding.js'
import type { Policy } from '../model/policy.js'
import type { MissingVm } from '../model/recent-changes.js'
import type { Snapshot } from '../model/snapshot.js'
import { policyIndex } from '../policy/policy-index.js'
import { labelsOf, type VmLabels } from '../policy/resolve.js'
import { capacity, type Capacity } from './capacity.js'
import { loadFindings } from './load/load-findings.js'
import type { Occupants } from './memory-ledger.js'
import { placedFleet, type Arrangement } from './policy/placed-fleet.js'
import { policyFileFindings } from './policy/policy-file.js'
import { policyFindings } from './policy/policy-findings.js'
import { storageHealthFindings } from './storage-health/storage-health-findings.js'
import { settle, type Settled } from './settle.js'
import { fileSystemSpace } from './space/file-system-space.js'
import { serviceFindings } from './service/service-findings.js'
import { stateFindings } from './state/state-findings.js'

/** All that is made of a fleet by a policy, each of it once. */
export interface Judgement {
  /** By UUID; of VMs that are missing too. */
  readonly labels: ReadonlyMap<string, VmLabels>
  readonly occupants: Occupants
  readonly capacity: Capacity
  readonly findings: Settled
}

/** All that checks say of a fleet by a policy, and what they made for it. The one place that knows every check. */
export function judgeFleet(snapshot: Snapshot, policy: Policy, circumstances: Circumstances = {}): Judgement {
  const placed = placedFleet(snapshot, policy)
  const { occupants } = placed
  const made = capacity(snapshot, policy, occupants)
  const found = [
    ...made.findings,
    ...policyFileFindings(circumstances.policyProblem),
    ...policyFindings(placed),
    ...loadFindings(placed, circumstances.arrays),
    ...fileSystemSpace(snapshot, policy, circumstances.trends),
    ...storageHealthFindings(snapshot, policy, circumstances.trends),
    ...stateFindings(snapshot, policy, circumstances),
    ...serviceFindings(snapshot, policy, circumstances),
  ]
  const settled = settle(found, snapshot, policy)
  const labels = withMissing(placed.arrangement, circumstances.changes?.missing ?? none)
  return { labels, occupants, capacity: made, findings: { ...settled, stands: worstFirst(settled.stands) } }
}

const none: ReadonlyMap<string, MissingVm> = new Map()

type Labels = ReadonlyMap<string, VmLabels>

/** By the labels of those that are there. */
const labelsBefore = new WeakMap<
  Labels,
  { readonly missing: ReadonlyMap<string, MissingVm>; readonly labels: Labels }
>()

/** Of VMs that are there, and of those that were: the same object as long as it is the same. */
function withMissing({ policy, labels }: Arrangement, missing: ReadonlyMap<string, MissingVm>): Labels {
  if (missing.size === 0) return labels
  const before = labelsBefore.get(labels)
  if (before?.missing === missing) return before.labels
  const index = policyIndex(policy)
  const all = new Map(labels)
  for (const [uuid, vm] of missing) if (!all.has(uuid)) all.set(uuid, labelsOf(index, vm))
  labelsBefore.set(labels, { missing, labels: all })
  return all
}

/** What `judgeFleet` finds. */
export function fleetFindings(snapshot: Snapshot, policy: Policy, circumstances: Circumstances = {}): Settled {
  return judgeFleet(snapshot, policy, circumstances).findings
}

/** The worst first, otherwise in the order in which they were found. */
export function worstFirst(findings: readonly Finding[]): Finding[] {
  return findings.toSorted((a, b) => severityRank[b.severity] - severityRank[a.severity])
}
