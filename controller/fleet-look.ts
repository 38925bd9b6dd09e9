import { judgeFleet, type Judgement } from './checks/fleet-findings.js'
import type { FleetReader } from './fleet/fleet-reader.js'
import type { Circumstances } from './model/circumstances.js'
import type { Policy } from './model/policy.js'
import type { Snapshot } from './model/snapshot.js'
import type { PolicyInForce } from './policy/live-policy.js'

/** What is looked at, and what is made of it. */
export interface Look extends Judgement {
  readonly snapshot: Snapshot
  readonly policy: Policy
  readonly policyProblem: PolicyInForce['problem']
  readonly circumstances: Circumstances
}

interface Sources {
  readonly fleet: Pick<FleetReader, 'snapshot'>
  readonly policy: () => Pick<PolicyInForce, 'policy' | 'problem'>
  /** Of a snapshot; the same object as long as nothing of it changes. */
  readonly circumstances: (snapshot: Snapshot) => Circumstances
}

/** The fleet as the checks see it now: judged once for a snapshot, a policy and circumstances, however many ask. */
export class FleetLook {
  #last: { readonly look: Look; readonly around: Circumstances } | undefined

  constructor(private readonly sources: Sources) {}

  current(): Look {
    const { fleet, policy: inForce, circumstances } = this.sources
    const snapshot = fleet.snapshot()
    const { policy, problem } = inForce()
    const around = circumstances(snapshot)
    const last = this.#last
    if (
      last?.look.snapshot === snapshot &&
      last.look.policy === policy &&
      last.look.policyProblem === problem &&
      last.around === around
    ) {
      return last.look
    }
    const all = { ...around, policyProblem: problem?.message }
    const look = { snapshot, policy, policyProblem: problem, circumstances: all, ...judgeFleet(snapshot, policy, all) }
    this.#last = { look, around }
    return look
  }
}
