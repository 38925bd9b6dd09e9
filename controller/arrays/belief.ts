import type { LateWrites } from '../model/array-condition.js'
import type { Chance } from './chance.js'
import { estimatesOf, levelsOf, type Estimates, type Levels } from './estimates.js'
import type { Flow } from './flow.js'
import { fillAfter, fillsAfter, firstGuesses, unknownShare, type ArrayPrior, type Guesses } from './guess.js'
import { firstScatter, type Knowledge } from './learn.js'
import { emptyLedger, enter, unknownLedger, type Ledger } from './ledger.js'
import type { Plateau } from './plateau.js'
import { survive } from './survive.js'

/** What the array could be, and what it could have in its cache, as a number of guesses. Plain data. */
export interface Belief {
  readonly knowledge: Knowledge
  /** Of the guesses, made anew when these change. */
  readonly estimates: Estimates
  /** By guess: bytes in the cache, and how full it was at most since there was clearly room. */
  readonly fills: readonly number[]
  readonly peaks: readonly number[]
  /** Of the fills, made anew when they change. */
  readonly levels: Levels
  readonly ledger: Ledger
  /** While the cache is full. */
  readonly plateau: Plateau | undefined
  readonly overflows: number
  /** For how long nobody has told what is written: that moves nothing, until somebody tells. */
  readonly silentSeconds: number
}

export function firstBelief(prior: ArrayPrior | undefined, chance: Chance): Belief {
  return beliefOf(
    {
      guesses: firstGuesses(prior, chance),
      basis: prior?.basis ?? 'assumed',
      scatter: firstScatter,
      capacityTold: prior?.capacityBytes === undefined ? undefined : 'prior',
      drainsTold: prior?.drainBytesPerSecond === undefined ? {} : { sequential: 'prior' },
    },
    0,
  )
}

/** What is known of an array that nobody has looked at for a while: what may be in its cache is not. */
export function beliefOf(knowledge: Knowledge, overflows: number): Belief {
  const { guesses } = knowledge
  const fills = guesses.capacityBytes.map((bytes, index) => unknownShare(index) * bytes)
  return {
    knowledge,
    estimates: estimatesOf(knowledge),
    fills,
    peaks: levelsIn(guesses, fills),
    levels: levelsOf(guesses, fills),
    ledger: unknownLedger,
    plateau: undefined,
    overflows,
    silentSeconds: 0,
  }
}

/** The same with other guesses. */
export function withKnowledge(belief: Belief, knowledge: Knowledge, fills: readonly number[]): Belief {
  const levels = levelsOf(knowledge.guesses, fills)
  return { ...belief, knowledge, fills, levels, estimates: estimatesOf(knowledge) }
}

/** Empties and fills the cache of each guess, and lets go of those that a cliff should have shown by now. */
export function flowInto(before: Belief, flow: Flow, pressed: boolean, chance: Chance): Belief {
  const { knowledge, plateau, overflows } = before
  const ledger = enter(before.ledger, flow)
  if (pressed && plateau !== undefined) return { ...before, ledger, silentSeconds: 0 }
  const { guesses } = knowledge
  const fills = fillsAfter(guesses, before.fills, flow)
  const levels = fills === before.fills ? before.levels : levelsOf(guesses, fills)
  const left = pressed ? undefined : survive({ guesses, fills, peaks: before.peaks }, ledger, flow.loadClass, chance)
  const belief: Belief = {
    knowledge,
    estimates: before.estimates,
    fills,
    peaks: left?.peaks ?? before.peaks,
    levels,
    // Empty for nearly all guesses: an anchor.
    ledger: levels.fill.high === 0 ? emptyLedger : ledger,
    plateau,
    overflows,
    silentSeconds: 0,
  }
  if (left === undefined || left.guesses === guesses) return belief
  return withKnowledge(belief, { ...knowledge, guesses: left.guesses }, left.fills)
}

/**
 * Bytes that came in at any moment of a long time, of which somebody tells only now: between what they leave if they came evenly, and all of
 * them at last. It teaches nothing of what fits or drains, and neither does what went on before it.
 */
export function gapInto(before: Belief, late: LateWrites, since: Flow, pressed: boolean): Belief {
  const { guesses } = before.knowledge
  const fills = pressed ? guesses.capacityBytes : fillsAfterGap(guesses, before.fills, late, since)
  return {
    ...before,
    fills,
    levels: levelsOf(guesses, fills),
    peaks: levelsIn(guesses, fills),
    ledger: unknownLedger,
    plateau: undefined,
    silentSeconds: 0,
  }
}

/** How full it may have been says nothing against a guess. */
function levelsIn({ capacityBytes }: Guesses, fills: readonly number[]): number[] {
  return fills.map((fill, index) => fill / (capacityBytes[index] ?? 1))
}

function fillsAfterGap(
  { capacityBytes, drains, eagerness }: Guesses,
  before: readonly number[],
  late: LateWrites,
  { seconds, loadClass }: Flow,
): number[] {
  return before.map((fill, index) => {
    const drain = drains[loadClass][index] ?? 0
    const evenly = fillAfter(fill, drain, eagerness[index] ?? 1, late.bytes, Math.max(seconds, late.seconds))
    const atLast = fillAfter(fill, drain, 1, 0, seconds) + late.bytes
    return Math.min(capacityBytes[index] ?? 0, evenly + unknownShare(index) * Math.max(0, atLast - evenly))
  })
}
