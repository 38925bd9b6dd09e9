import type { Finding } from '../model/finding.js'
import type { Policy } from '../model/policy.js'
import type { Snapshot } from '../model/snapshot.js'
import { capacity, type Capacity } from './capacity.js'
import { placedFleet } from './policy/placed-fleet.js'
import { policyFileFindings } from './policy/policy-file.js'
import { policyFindings } from './policy/policy-findings.js'
import { settle, type Settled } from './settle.js'

/** What checks work on besides snapshot and policy. */
export interface Circumstances {
  /** If it was made already. */
  readonly capacity?: Pick<Capacity, 'findings'>
  /** Why the policy file is not what is in force. */
  readonly policyProblem?: string | undefined
}

/** All that checks say of a fleet by a policy. The one place that knows every check. */
export function fleetFindings(
  snapshot: Snapshot,
  policy: Policy,
  { capacity: made = capacity(snapshot, policy), policyProblem }: Circumstances = {},
): Settled {
  const found = [
    ...made.findings,
    ...policyFileFindings(policyProblem),
    ...policyFindings(placedFleet(snapshot, policy)),
  ]
  const { stands, excepted } = settle(found, snapshot, policy)
  return { stands: worstFirst(stands), excepted }
}

const weight = { critical: 0, warning: 1, info: 2 } as const satisfies Record<Finding['severity'], number>

/** The worst first, otherwise in the order in which they were found. */
export function worstFirst(findings: readonly Finding[]): Finding[] {
  return findings.toSorted((a, b) => weight[a.severity] - weight[b.severity])
}
