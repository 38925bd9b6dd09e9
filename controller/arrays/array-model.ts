import type { ArrayCacheState } from '../model/array-condition.js'
import { firstBelief, type Belief } from './belief.js'
import { seedOf, type Chance } from './chance.js'
import { noEvidence, type Evidence } from './evidence.js'
import type { ArrayPrior } from './guess.js'

/** What a restart keeps: another version begins anew. */
export const modelVersion = 1

/** What is believed of one box's write cache: plain data, which `step` makes from step to step and a shell keeps. */
export interface ArrayModel {
  readonly version: typeof modelVersion
  readonly boxId: string
  readonly prior: ArrayPrior | undefined
  /** Of the seeded chance: the same ticks give the same model. */
  readonly seed: number
  readonly evidence: Evidence
  readonly belief: Belief
  readonly state: ArrayCacheState
  readonly since: number
  readonly observedSeconds: number
}

/** A box of which nothing was seen yet. */
export function newArrayModel(boxId: string, prior: ArrayPrior | undefined, at: number): ArrayModel {
  const chance: Chance = { seed: seedOf(boxId) }
  const belief = firstBelief(prior, chance)
  return {
    version: modelVersion,
    boxId,
    prior,
    seed: chance.seed,
    evidence: noEvidence,
    belief,
    state: 'unknown',
    since: at,
    observedSeconds: 0,
  }
}
