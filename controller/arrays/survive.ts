import { normal, uniform, type Chance } from './chance.js'
import type { Guess } from './guess.js'

/** Guesses, what each has in its cache, and how full it was at most since it was half empty (1 is full). */
export interface Levels {
  readonly guesses: readonly Guess[]
  readonly fills: readonly number[]
  readonly peaks: readonly number[]
}

/** How exactly a cliff is where the guess says: 14 leaves one in ten at 1.17 times its size. */
const steepness = 14
/** Nothing is doubted below this. */
const doubtedFrom = 0.7
/** Deviation of the logarithm, of copies. */
const copySpread = 0.04

/**
 * Censored evidence: no cliff came, though the guess says that its cache is full. It goes, with the probability that a cliff would have come
 * by then and not before, and a copy of one that fits takes its place; so what is left is as likely as it is by all that it survived (a
 * particle system of Fleming and Viot: Burdzy, Holyst and March, 2000). The same levels where all fit.
 */
export function survive(levels: Levels, chance: Chance): Levels {
  const { guesses, fills } = levels
  if (!isDoubted(levels)) return levels
  const peaks = levels.peaks.slice()
  const gone: number[] = []
  for (const [index, guess] of guesses.entries()) {
    const level = (fills[index] ?? 0) / guess.capacityBytes
    const peak = peaks[index] ?? 0
    if (level < 0.5) peaks[index] = 0
    if (level <= peak || level < doubtedFrom) continue
    peaks[index] = level
    if (uniform(chance) > survival(level) / survival(peak)) gone.push(index)
  }
  if (gone.length === 0) return { guesses, fills, peaks }
  return replaced({ guesses, fills, peaks }, new Set(gone), chance)
}

/** In most seconds no guess is near to being full, and none was of late. */
function isDoubted({ guesses, fills, peaks }: Levels): boolean {
  let index = 0
  for (const { capacityBytes } of guesses) {
    if ((peaks[index] ?? 0) > 0 || (fills[index] ?? 0) > doubtedFrom * capacityBytes) return true
    index += 1
  }
  return false
}

function survival(level: number): number {
  return level < doubtedFrom ? 1 : 1 / (1 + level ** steepness)
}

function replaced({ guesses, fills, peaks }: Levels, gone: ReadonlySet<number>, chance: Chance): Levels {
  const left = guesses.flatMap((_, index) => (gone.has(index) ? [] : [index]))
  const parents = guesses.map((_, index) => {
    if (!gone.has(index)) return index
    return left[Math.floor(uniform(chance) * left.length)] ?? index
  })
  const heirs = guesses.flatMap((guess, index) => {
    if (!gone.has(index)) return [guess]
    const parent = guesses[parents[index] ?? index] ?? guess
    const fill = fills[parents[index] ?? index] ?? 0
    const copied = parent.capacityBytes * Math.exp(copySpread * normal(chance))
    // Where none fits, the array is larger than all thought.
    return [{ ...parent, capacityBytes: left.length > 0 ? copied : fill * (1 + 0.5 * uniform(chance)) }]
  })
  return {
    guesses: heirs,
    fills: parents.map((parent) => fills[parent] ?? 0),
    peaks: parents.map((parent, index) => (left.length > 0 || !gone.has(index) ? (peaks[parent] ?? 0) : 1)),
  }
}
