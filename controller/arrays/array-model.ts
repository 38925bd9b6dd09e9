import type { ArrayCacheState } from '../model/array-condition.js'
import { beliefOf, firstBelief, type Belief } from './belief.js'
import { seedOf, type Chance } from './chance.js'
import { noEvidence, type Evidence } from './evidence.js'
import { noForecasts, type Forecasts } from './forecasts.js'
import type { ArrayPrior } from './guess.js'

/** What a restart keeps: another version begins anew. */
export const modelVersion = 3

/** What is believed of one box's write cache: plain data, which `step` makes from step to step and a shell keeps. */
export interface ArrayModel {
  readonly version: typeof modelVersion
  readonly boxId: string
  readonly prior: ArrayPrior | undefined
  /** Of the seeded chance: the same ticks give the same model. */
  readonly seed: number
  readonly evidence: Evidence
  readonly belief: Belief
  readonly forecasts: Forecasts
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
    forecasts: noForecasts,
    state: 'unknown',
    since: at,
    observedSeconds: 0,
  }
}

/** After a time in which nobody looked: what was learnt goes on, and what was only so at that moment does not. */
export function resumed(model: ArrayModel, at: number): ArrayModel {
  const { pressure, writer } = model.evidence
  const { knowledge, overflows } = model.belief
  return {
    ...model,
    evidence: {
      ...noEvidence,
      pressure: { ...noEvidence.pressure, calm: pressure.calm },
      writer: { ...writer, seconds: 0, meanBytesPerSecond: 0 },
    },
    belief: beliefOf(knowledge, overflows),
    forecasts: { ...model.forecasts, recent: [] },
    state: 'unknown',
    since: at,
  }
}

/** With what is known beforehand now: what the array showed by itself goes on; what was only told or assumed begins anew. */
export function withPrior(model: ArrayModel, prior: ArrayPrior | undefined, at: number): ArrayModel {
  if (isSamePrior(model.prior, prior)) return model
  const { capacityTold, drainsTold } = model.belief.knowledge
  const isLearnt = capacityTold === 'learnt' || Object.values(drainsTold).includes('learnt')
  if (!isLearnt) return { ...newArrayModel(model.boxId, prior, at), evidence: model.evidence }
  return { ...model, prior }
}

function isSamePrior(a: ArrayPrior | undefined, b: ArrayPrior | undefined): boolean {
  return (
    a?.capacityBytes === b?.capacityBytes &&
    a?.drainBytesPerSecond === b?.drainBytesPerSecond &&
    a?.basis === b?.basis &&
    a?.spreads?.capacity === b?.spreads?.capacity &&
    a?.spreads?.drain === b?.spreads?.drain
  )
}
