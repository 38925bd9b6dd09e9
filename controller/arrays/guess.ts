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

/** All guesses of an array, figure by figure, because each second goes through one figure of all: entry i of each list is of guess i. */
export interface Guesses {
  readonly capacityBytes: readonly number[]
  readonly drains: Readonly<Record<LoadClass, readonly number[]>>
  readonly eagerness: readonly number[]
}

export function listed(guesses: readonly Guess[]): Guesses {
  return {
    capacityBytes: guesses.map(({ capacityBytes }) => capacityBytes),
    drains: {
      sequential: guesses.map(({ drains }) => drains.sequential),
      random: guesses.map(({ drains }) => drains.random),
      'with-reads': guesses.map(({ drains }) => drains['with-reads']),
      rebuild: guesses.map(({ drains }) => drains.rebuild),
      degraded: guesses.map(({ drains }) => drains.degraded),
      'write-through': guesses.map(({ drains }) => drains['write-through']),
    },
    eagerness: guesses.map(({ eagerness }) => eagerness),
  }
}

/** One by one, in order. */
export function eachOf({ capacityBytes, drains, eagerness }: Guesses): Guess[] {
  return capacityBytes.map((bytes, index) => ({
    capacityBytes: bytes,
    drains: {
      sequential: drains.sequential[index] ?? 0,
      random: drains.random[index] ?? 0,
      'with-reads': drains['with-reads'][index] ?? 0,
      rebuild: drains.rebuild[index] ?? 0,
      degraded: drains.degraded[index] ?? 0,
      'write-through': drains['write-through'][index] ?? 0,
    },
    eagerness: eagerness[index] ?? 1,
  }))
}

/** What is known beforehand, or nothing. */
export interface ArrayPrior {
  readonly capacityBytes: number | undefined
  /** Of sequential writes. */
  readonly drainBytesPerSecond: number | undefined
  readonly basis: 'policy' | 'controller' | 'calibrated'
  /** Deviations of the logarithms, of what was measured; if absent, those of what people and data sheets say. */
  readonly spreads?: { readonly capacity: number; readonly drain: number }
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
 * time; without a cache writers wait for the disks themselves. With a disk of RAID 5 missing each read of what was on it reads all the others,
 * which doubles what reads cost them; of writes alone those of whole stripes cost no more, and single blocks 0.9 to 1.1 times as much, by one
 * disk less (Holland and Gibson, "Parity declustering for continuous operation in redundant disk arrays", 1992): between the two.
 */
const usual: Readonly<Record<LoadClass, { readonly ratio: number; readonly spread: number }>> = {
  sequential: { ratio: 1, spread: 0.1 },
  random: { ratio: 0.4, spread: 0.6 },
  'with-reads': { ratio: 0.6, spread: 0.4 },
  rebuild: { ratio: 0.6, spread: 0.4 },
  degraded: { ratio: 0.75, spread: 0.4 },
  'write-through': { ratio: 0.6, spread: 0.4 },
}

/** Guesses of an array that never overflowed. */
export function firstGuesses(prior: ArrayPrior | undefined, chance: Chance): Guesses {
  return listed(
    Array.from({ length: guessCount }, (_, index) => {
      const capacityBytes = drawn(
        { told: prior?.capacityBytes, spread: prior?.spreads?.capacity, range: capacityRange },
        uniform(chance),
        chance,
      )
      const sequential = drawn(
        { told: prior?.drainBytesPerSecond, spread: prior?.spreads?.drain, range: drainRange },
        (index + uniform(chance)) / guessCount,
        chance,
      )
      return { capacityBytes, drains: drainsFrom('sequential', sequential, chance), eagerness: eagernessDrawn(chance) }
    }),
  )
}

/** All classes by what one of them is. */
export function drainsFrom(known: LoadClass, drain: number, chance: Chance): Record<LoadClass, number> {
  return {
    sequential: drainBy('sequential', known, drain, chance),
    random: drainBy('random', known, drain, chance),
    'with-reads': drainBy('with-reads', known, drain, chance),
    rebuild: drainBy('rebuild', known, drain, chance),
    degraded: drainBy('degraded', known, drain, chance),
    'write-through': drainBy('write-through', known, drain, chance),
  }
}

function drainBy(loadClass: LoadClass, known: LoadClass, drain: number, chance: Chance): number {
  if (loadClass === known) return drain
  const { ratio, spread } = usual[loadClass]
  return drain * (ratio / usual[known].ratio) * Math.exp(normal(chance) * Math.hypot(spread, usual[known].spread))
}

/** Most arrays empty their cache whenever there is something in it. */
export function eagernessDrawn(chance: Chance): number {
  const part = uniform(chance)
  return part < 0.75 ? 1 : part < 0.85 ? 0 : uniform(chance)
}

interface Drawing {
  readonly told: number | undefined
  readonly spread: number | undefined
  /** Where nothing is told. */
  readonly range: readonly [number, number]
}

function drawn({ told, spread = toldSpread, range: [least, most] }: Drawing, part: number, chance: Chance): number {
  return told === undefined ? least * (most / least) ** part : told * Math.exp(normal(chance) * spread)
}

/** An inflow below this share of the drain leaves the array idle enough to empty its cache, whatever its destage waits for. */
const idleShare = 0.4

/** What a guess with this drain has in its cache after some seconds in which bytes came in; it may be more than fits. */
export function fillAfter(fill: number, drain: number, eagerness: number, bytes: number, seconds: number): number {
  const drained = drain * seconds
  const after = fill + bytes - (bytes > idleShare * drained ? drained * eagerness : drained)
  return after > 0 ? after : 0
}

/** Of all guesses: the same list where nothing changes, as in most seconds, so that nothing that was made of it has to be made anew. */
export function fillsAfter({ drains, eagerness }: Guesses, before: readonly number[], flow: Flow): readonly number[] {
  const { bytes, seconds } = flow
  const drain = drains[flow.loadClass]
  let changed: number[] | undefined
  for (let index = 0; index < before.length; index += 1) {
    const fill = before[index] ?? 0
    const after = fillAfter(fill, drain[index] ?? 0, eagerness[index] ?? 1, bytes, seconds)
    if (after === fill) continue
    changed ??= before.slice()
    changed[index] = after
  }
  return changed ?? before
}

/**
 * Which share of the cache, or of what it may hold, is taken to be full where nobody knows: another one for each guess. Most caches are empty
 * at most moments.
 */
export function unknownShare(index: number): number {
  const place = (index * goldenRatio) % 1
  return place < emptyShare ? 0 : (place - emptyShare) / (1 - emptyShare)
}

/** Spreads the shares evenly, whatever guesses of similar numbers have in common. */
const goldenRatio = (Math.sqrt(5) - 1) / 2
const emptyShare = 0.7
