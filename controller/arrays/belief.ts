import type { Chance } from './chance.js'
import { estimatesOf, levelsOf, type Estimates, type Levels } from './estimates.js'
import type { Flow } from './flow.js'
import { fillAfter, firstGuesses, type ArrayPrior, type Guess } from './guess.js'
import { firstScatter, type Knowledge } from './learn.js'
import { emptyLedger, enter, type Ledger } from './ledger.js'
import type { Plateau } from './plateau.js'
import { survive } from './survive.js'

/** What the array could be, and what it could have in its cache, as a number of guesses. Plain data. */
export interface Belief {
  readonly knowledge: Knowledge
  /** Of the guesses, made anew when these change. */
  readonly estimates: Estimates
  /** By guess: bytes in the cache, and how full it was at most since it was half empty. */
  readonly fills: readonly number[]
  readonly peaks: readonly number[]
  /** Of the fills, made anew when they change. */
  readonly levels: Levels
  readonly ledger: Ledger
  /** While the cache is full. */
  readonly plateau: Plateau | undefined
  readonly overflows: number
}

export function firstBelief(prior: ArrayPrior | undefined, chance: Chance): Belief {
  const guesses = firstGuesses(prior, chance)
  const knowledge: Knowledge = {
    guesses,
    basis: prior?.basis ?? 'assumed',
    scatter: firstScatter,
    capacityTold: prior?.capacityBytes === undefined ? undefined : 'prior',
    drainsTold: prior?.drainBytesPerSecond === undefined ? {} : { sequential: 'prior' },
  }
  const fills = guesses.map(() => 0)
  return {
    knowledge,
    estimates: estimatesOf(knowledge),
    fills,
    peaks: fills,
    levels: levelsOf(guesses, fills),
    ledger: emptyLedger,
    plateau: undefined,
    overflows: 0,
  }
}

/** The same with other guesses. */
export function withKnowledge(belief: Belief, knowledge: Knowledge, fills: readonly number[]): Belief {
  const levels = levelsOf(knowledge.guesses, fills)
  return { ...belief, knowledge, fills, levels, estimates: estimatesOf(knowledge) }
}

/** Empties and fills the cache of each guess, and lets go of those that a cliff should have shown by now. */
export function flowInto(before: Belief, flow: Flow, pressed: boolean, chance: Chance): Belief {
  const { knowledge, ledger, plateau } = before
  if (pressed && plateau !== undefined) return { ...before, ledger: enter(ledger, flow) }
  const { guesses } = knowledge
  const fills = fillsAfter(guesses, before.fills, flow)
  const levels = fills === before.fills ? before.levels : levelsOf(guesses, fills)
  // Empty for nearly all guesses: an anchor.
  const isAnchor = levels.fill.high === 0
  const left = pressed ? undefined : survive({ guesses, fills, peaks: before.peaks }, chance)
  const belief: Belief = {
    knowledge,
    estimates: before.estimates,
    fills,
    peaks: left?.peaks ?? before.peaks,
    levels,
    ledger: isAnchor ? emptyLedger : enter(ledger, flow),
    plateau,
    overflows: before.overflows,
  }
  if (left === undefined || left.guesses === guesses) return belief
  return withKnowledge(belief, { ...knowledge, guesses: left.guesses }, left.fills)
}

/** The same object where nothing changes, as in most seconds: nothing that was made of it has to be made anew. */
function fillsAfter(guesses: readonly Guess[], before: readonly number[], flow: Flow): readonly number[] {
  let changed: number[] | undefined
  let index = 0
  for (const guess of guesses) {
    const fill = before[index] ?? 0
    const after = fillAfter(guess, fill, flow)
    if (after !== fill) {
      changed ??= before.slice()
      changed[index] = after
    }
    index += 1
  }
  return changed ?? before
}
