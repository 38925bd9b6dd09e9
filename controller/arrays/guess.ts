import type { LoadClass } from '../model/array-condition.js'
import type { Flow } from './flow.js'
import { normal, uniform, type Chance } from './chance.js'

/**
 * One guess of what an array could be: a leaky bucket (Turner, "New directions in communications", 1986) that takes what is written and
 * leaks what its disks can write. Sizes are in bytes as hosts count them: blocks that are written over while they wait in the cache leave
 * it once, and make it look larger and faster than it is, which is what counts for those who write.
 */
export interface Guess {
  readonly capacityBytes: number
  /** Bytes a second that leave the cache. */
  readonly drains: Readonly<Record<LoadClass, number>>
  /**
   * Share of its drain that it has while it fills. Destage that waits for a high watermark, or for idle moments (Varma and Jacobson,
   * "Destage algorithms for disk arrays with nonvolatile caches", 1998), is near 0; one that always runs has 1.
   */
  readonly eagerness: number
}

/** What is known beforehand, or nothing. */
export interface ArrayPrior {
  readonly capacityBytes: number | undefined
  /** Of sequential writes. */
  readonly drainBytesPerSecond: number | undefined
  readonly basis: 'policy' | 'controller'
}

export const guessCount = 64

/** Where nothing is known: from a small RAID controller to a large array. */
const capacityRange = [24e6, 16e9] as const
const drainRange = [1e6, 1e9] as const
/** Deviation, in the logarithm, of what people and data sheets say. */
const toldSpread = 0.35

/**
 * What a class of load usually drains at, for 1 of sequential writes, and the deviation of its logarithm. A small write on RAID 5 costs
 * four requests (Patterson, Gibson and Katz, "A case for redundant arrays of inexpensive disks", 1988); reads and a rebuild take the disks'
 * time; without a cache writers wait for the disks themselves.
 */
const usual: Readonly<Record<LoadClass, { readonly ratio: number; readonly spread: number }>> = {
  sequential: { ratio: 1, spread: 0.1 },
  random: { ratio: 0.4, spread: 0.6 },
  'with-reads': { ratio: 0.6, spread: 0.4 },
  rebuild: { ratio: 0.6, spread: 0.4 },
  'write-through': { ratio: 0.6, spread: 0.4 },
}

/** Guesses of an array that never overflowed. */
export function firstGuesses(prior: ArrayPrior | undefined, chance: Chance): Guess[] {
  return Array.from({ length: guessCount }, (_, index) => {
    const capacityBytes = drawn(prior?.capacityBytes, capacityRange, uniform(chance), chance)
    const sequential = drawn(prior?.drainBytesPerSecond, drainRange, (index + uniform(chance)) / guessCount, chance)
    return { capacityBytes, drains: drainsFrom('sequential', sequential, chance), eagerness: eagernessDrawn(chance) }
  })
}

/** All classes by what one of them is. */
export function drainsFrom(known: LoadClass, drain: number, chance: Chance): Record<LoadClass, number> {
  const of = (loadClass: LoadClass): number => {
    if (loadClass === known) return drain
    const { ratio, spread } = usual[loadClass]
    return drain * (ratio / usual[known].ratio) * Math.exp(normal(chance) * Math.hypot(spread, usual[known].spread))
  }
  return {
    sequential: of('sequential'),
    random: of('random'),
    'with-reads': of('with-reads'),
    rebuild: of('rebuild'),
    'write-through': of('write-through'),
  }
}

/** Most arrays empty their cache whenever there is something in it. */
export function eagernessDrawn(chance: Chance): number {
  const part = uniform(chance)
  return part < 0.75 ? 1 : part < 0.85 ? 0 : uniform(chance)
}

function drawn(
  told: number | undefined,
  [least, most]: readonly [number, number],
  part: number,
  chance: Chance,
): number {
  return told === undefined ? least * (most / least) ** part : told * Math.exp(normal(chance) * toldSpread)
}

/** An inflow below this share of the drain leaves the array idle enough to empty its cache, whatever its destage waits for. */
const idleShare = 0.4

/** What the guess has in its cache after some seconds in which bytes came in; it may be more than fits. */
export function fillAfter(guess: Guess, fill: number, flow: Flow): number {
  const drain = guess.drains[flow.loadClass] * flow.seconds
  const leaked = flow.bytes > idleShare * drain ? drain * guess.eagerness : drain
  const after = fill + flow.bytes - leaked
  return after > 0 ? after : 0
}
