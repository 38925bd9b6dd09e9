import type { ArrayCacheState, LoadClass } from '../model/array-condition.js'
import { seedOf, type Chance } from './chance.js'
import { firstGuesses, type ArrayPrior } from './guess.js'
import { emptyLedger, type Ledger } from './ledger.js'
import type { Knowledge } from './learn.js'
import type { Content } from './load-class.js'
import { estimatesOf, levelsOf, type Estimates, type Levels } from './estimates.js'
import type { Flow } from './flow.js'
import { noWriter, type LargestWriter } from './largest-writer.js'
import { noPressure, type Pressure } from './pressure.js'

/** What a restart keeps: another version begins anew. */
export const modelVersion = 1

/** What is believed of one box's write cache: plain data, which `step` makes from step to step and a shell keeps. */
export interface ArrayModel {
  readonly version: typeof modelVersion
  readonly boxId: string
  /** Of the seeded chance: the same ticks give the same model. */
  readonly seed: number
  readonly prior: ArrayPrior | undefined
  readonly knowledge: Knowledge
  /** Of the guesses, made anew when these change. */
  readonly estimates: Estimates
  /** By guess: bytes in the cache, and how full it was at most since it was half empty. */
  readonly fills: readonly number[]
  /** Of these, made anew when they change. */
  readonly levels: Levels
  readonly peaks: readonly number[]
  readonly ledger: Ledger
  readonly pressure: Pressure
  /** While the cache is full. */
  readonly plateau: Plateau | undefined
  readonly content: Content
  readonly loadClass: LoadClass
  /** The last steps with known inflow, the newest last. */
  readonly recent: readonly Flow[]
  readonly writer: LargestWriter
  /** For how long nothing has ended though requests wait. */
  readonly stillSeconds: number
  readonly state: ArrayCacheState
  readonly since: number
  readonly overflows: number
  readonly observedSeconds: number
}

export interface Plateau {
  /** What was known before it, and what was written until a few seconds into it: with more of it at hand it is learnt from again. */
  readonly before: Knowledge
  readonly ledger: Ledger
  readonly loadClass: LoadClass
  readonly isCliff: boolean
  /** Seconds that lie wholly within it. */
  readonly ticks: number
  readonly bytes: number
  readonly seconds: number
  /** Of bytes a second, added up. */
  readonly squares: number
  readonly plateauFlows: number
  /** The last one: the next tells whether it does. */
  readonly pending: Flow | undefined
  readonly learntAtTicks: number
}

/** A box of which nothing was seen yet. */
export function newArrayModel(boxId: string, prior: ArrayPrior | undefined, at: number): ArrayModel {
  const chance: Chance = { seed: seedOf(boxId) }
  const guesses = firstGuesses(prior, chance)
  const knowledge: Knowledge = {
    guesses,
    capacityTold: prior?.capacityBytes === undefined ? undefined : 'prior',
    drainsTold: prior?.drainBytesPerSecond === undefined ? {} : { sequential: 'prior' },
  }
  return {
    version: modelVersion,
    boxId,
    seed: chance.seed,
    prior,
    knowledge,
    estimates: estimatesOf(knowledge, prior),
    fills: guesses.map(() => 0),
    levels: levelsOf(
      guesses,
      guesses.map(() => 0),
    ),
    peaks: guesses.map(() => 0),
    ledger: emptyLedger,
    pressure: noPressure,
    plateau: undefined,
    content: { bytes: 0, requests: 0 },
    loadClass: 'sequential',
    recent: [],
    writer: noWriter,
    stillSeconds: 0,
    state: 'unknown',
    since: at,
    overflows: 0,
    observedSeconds: 0,
  }
}
