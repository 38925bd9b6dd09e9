import {
  loadClasses,
  type Estimate,
  type EstimateBasis,
  type Interval,
  type LoadClass,
} from '../model/array-condition.js'
import type { Guess } from './guess.js'
import type { Knowledge, Told } from './learn.js'
import { intervalOf } from './quantiles.js'

export interface Estimates {
  readonly capacity: Estimate
  readonly drains: Readonly<Record<LoadClass, Estimate>>
}

/** Bytes in the cache, and that fit into it. */
export interface Levels {
  readonly fill: Interval
  readonly room: Interval
}

export function levelsOf(guesses: readonly Guess[], fills: readonly number[]): Levels {
  const room = (guess: Guess, index: number): number => Math.max(0, guess.capacityBytes - (fills[index] ?? 0))
  // A guess that is refuted and not replaced yet has more in it than it holds.
  const held = (guess: Guess, index: number): number => Math.min(guess.capacityBytes, fills[index] ?? 0)
  return { fill: intervalOf(guesses.map(held)), room: intervalOf(guesses.map(room)) }
}

/** What all guesses say together. */
export function estimatesOf(knowledge: Knowledge): Estimates {
  const { guesses, capacityTold, drainsTold } = knowledge
  const drain = (loadClass: LoadClass): Estimate => ({
    ...intervalOf(guesses.map(({ drains }) => drains[loadClass])),
    basis: basisOf(drainsTold[loadClass], knowledge),
  })
  return {
    capacity: {
      ...intervalOf(guesses.map(({ capacityBytes }) => capacityBytes)),
      basis: basisOf(capacityTold, knowledge),
    },
    drains: {
      sequential: drain('sequential'),
      random: drain('random'),
      'with-reads': drain('with-reads'),
      rebuild: drain('rebuild'),
      'write-through': drain('write-through'),
    },
  }
}

/** Of each class that was seen, or that somebody told. */
export function knownDrains({ drainsTold }: Knowledge, { drains }: Estimates): Partial<Record<LoadClass, Estimate>> {
  const known: Partial<Record<LoadClass, Estimate>> = {}
  for (const loadClass of loadClasses) if (drainsTold[loadClass] !== undefined) known[loadClass] = drains[loadClass]
  return known
}

function basisOf(told: Told, { basis }: Knowledge): EstimateBasis {
  return told === 'learnt' ? 'learnt' : told === undefined ? 'assumed' : basis
}
