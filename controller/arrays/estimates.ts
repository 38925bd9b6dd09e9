import {
  loadClasses,
  type Estimate,
  type EstimateBasis,
  type Interval,
  type LoadClass,
} from '../model/array-condition.js'
import type { Guesses } from './guess.js'
import type { Knowledge, Told } from './learn.js'
import { intervalOf, intervalOver } from './quantiles.js'

export interface Estimates {
  readonly capacity: Estimate
  readonly drains: Readonly<Record<LoadClass, Estimate>>
}

/** Bytes in the cache, and that fit into it. */
export interface Levels {
  readonly fill: Interval
  readonly room: Interval
}

export function levelsOf({ capacityBytes }: Guesses, fills: readonly number[]): Levels {
  const sizeOf = (index: number): number => capacityBytes[index] ?? 0
  const fillOf = (index: number): number => fills[index] ?? 0
  return {
    // A guess that is doubted and not refuted yet has more in it than it holds.
    fill: intervalOver(fills.length, (index) => Math.min(sizeOf(index), fillOf(index))),
    room: intervalOver(fills.length, (index) => Math.max(0, sizeOf(index) - fillOf(index))),
  }
}

/** What all guesses say together. */
export function estimatesOf(knowledge: Knowledge): Estimates {
  const { guesses, capacityTold, drainsTold } = knowledge
  const drain = (loadClass: LoadClass): Estimate => ({
    ...intervalOf(guesses.drains[loadClass]),
    basis: basisOf(drainsTold[loadClass], knowledge),
  })
  return {
    capacity: {
      ...intervalOf(guesses.capacityBytes),
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
