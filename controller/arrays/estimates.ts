import {
  loadClasses,
  type Estimate,
  type EstimateBasis,
  type Interval,
  type LoadClass,
} from '../model/array-condition.js'
import { guessCount, type Guesses } from './guess.js'
import type { Knowledge, Told } from './learn.js'
import { intervalOf, intervalWithin } from './quantiles.js'

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
  for (let index = 0; index < guessCount; index += 1) {
    const size = capacityBytes[index] ?? 0
    const fill = fills[index] ?? 0
    // A guess that is doubted and not refuted yet has more in it than it holds.
    held[index] = fill < size ? fill : size
    room[index] = fill < size ? size - fill : 0
  }
  return { fill: intervalWithin(held), room: intervalWithin(room) }
}

/** Each second of each box works here, one after the other: new ones would be dear. */
const held = new Float64Array(guessCount)
const room = new Float64Array(guessCount)

/** What all guesses say together. */
export function estimatesOf(knowledge: Knowledge): Estimates {
  const { guesses, capacityTold } = knowledge
  return {
    capacity: estimateOf(guesses.capacityBytes, capacityTold, knowledge),
    drains: {
      sequential: drainOf('sequential', knowledge),
      random: drainOf('random', knowledge),
      'with-reads': drainOf('with-reads', knowledge),
      rebuild: drainOf('rebuild', knowledge),
      degraded: drainOf('degraded', knowledge),
      'write-through': drainOf('write-through', knowledge),
    },
  }
}

function drainOf(loadClass: LoadClass, knowledge: Knowledge): Estimate {
  return estimateOf(knowledge.guesses.drains[loadClass], knowledge.drainsTold[loadClass], knowledge)
}

function estimateOf(values: readonly number[], told: Told, knowledge: Knowledge): Estimate {
  const { low, likely, high } = intervalOf(values)
  return { low, likely, high, basis: basisOf(told, knowledge) }
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
