import { normal, uniform, type Chance } from './chance.js'
import type { Flow } from './flow.js'
import { eachOf, listed, type Guess, type Guesses } from './guess.js'
import type { Ledger } from './ledger.js'

/** Guesses, what each has in its cache, and how full it was at most since it was last below what is doubted (1 is full). */
export interface Held {
  readonly guesses: Guesses
  readonly fills: readonly number[]
  readonly peaks: readonly number[]
}

/** How exactly a cliff is where the guess says: 14 leaves one in ten at 1.17 times its size. */
const steepness = 14
/** Nothing is doubted below this. */
const doubtedFrom = 0.7
/** What is as unlikely as this is refuted: it goes though all others are as unlikely. */
const leastSurvival = 0.05
const refutedFrom = (1 / leastSurvival - 1) ** (1 / steepness)
/** Deviation of the logarithm, of copies. */
const copySpread = 0.04
/** How much larger or faster the array may be than what came in without a cliff says. */
const beyond = 0.5

/**
 * Censored evidence: no cliff came, though the guess says that its cache is full. It goes, with the probability that a cliff would have come
 * by then and not before, and a copy of one that fits takes its place; so what is left is as likely as it is by all that it survived (a
 * particle system of Fleming and Viot: Burdzy, Holyst and March, 2000). Where none fits the array is larger than all thought, or faster. The
 * same where all fit.
 */
export function survive(held: Held, ledger: Ledger, loadClass: Flow['loadClass'], chance: Chance): Held {
  if (!isDoubted(held)) return held
  const { guesses, fills } = held
  const { capacityBytes } = guesses
  let changed: number[] | undefined
  const gone = new Set<number>()
  for (let index = 0; index < fills.length; index += 1) {
    const level = (fills[index] ?? 0) / (capacityBytes[index] ?? 1)
    const peak = held.peaks[index] ?? 0
    if (level < doubtedFrom && peak > 0) (changed ??= held.peaks.slice())[index] = 0
    if (level < doubtedFrom) continue
    if (level > refutedFrom) gone.add(index)
    if (level <= peak) continue
    ;(changed ??= held.peaks.slice())[index] = level
    if (uniform(chance) > survival(level) / survival(peak)) gone.add(index)
  }
  const peaks = changed ?? held.peaks
  if (gone.size === 0) return changed === undefined ? held : { guesses, fills, peaks }
  if (gone.size < fills.length) return replaced({ guesses, fills, peaks }, gone, chance)
  return renewed(held, ledger, loadClass, chance)
}

/** In most seconds no guess is near to being full, and none was of late. */
function isDoubted({ guesses: { capacityBytes }, fills, peaks }: Held): boolean {
  for (let index = 0; index < fills.length; index += 1) {
    if ((peaks[index] ?? 0) > 0 || (fills[index] ?? 0) > doubtedFrom * (capacityBytes[index] ?? 0)) return true
  }
  return false
}

function survival(level: number): number {
  return level < doubtedFrom ? 1 : 1 / (1 + level ** steepness)
}

function replaced({ guesses, fills, peaks }: Held, gone: ReadonlySet<number>, chance: Chance): Held {
  const left = [...fills.keys()].filter((index) => !gone.has(index))
  const parents = fills.map((_, index) =>
    gone.has(index) ? (left[Math.floor(uniform(chance) * left.length)] ?? index) : index,
  )
  const { sequential, random, rebuild, degraded } = guesses.drains
  return {
    guesses: {
      capacityBytes: inherited(guesses.capacityBytes, parents).map((bytes, index) =>
        gone.has(index) ? bytes * Math.exp(copySpread * normal(chance)) : bytes,
      ),
      drains: {
        sequential: inherited(sequential, parents),
        random: inherited(random, parents),
        'with-reads': inherited(guesses.drains['with-reads'], parents),
        rebuild: inherited(rebuild, parents),
        degraded: inherited(degraded, parents),
        'write-through': inherited(guesses.drains['write-through'], parents),
      },
      eagerness: inherited(guesses.eagerness, parents),
    },
    fills: inherited(fills, parents),
    peaks: inherited(peaks, parents),
  }
}

function inherited(values: readonly number[], parents: readonly number[]): number[] {
  return parents.map((parent) => values[parent] ?? 0)
}

/** One half of them holds all that came in, the other lets it out fast enough. */
function renewed({ guesses, fills }: Held, ledger: Ledger, loadClass: Flow['loadClass'], chance: Chance): Held {
  const bytes = ledger.flows.reduce((sum, flow) => sum + flow.bytes, 0)
  const seconds = ledger.flows.reduce((sum, flow) => sum + flow.seconds, 0)
  const heirs: Guess[] = []
  const left: number[] = []
  for (const [index, guess] of eachOf(guesses).entries()) {
    const fill = fills[index] ?? 0
    const more = 1 + beyond * uniform(chance)
    const drain = guess.drains[loadClass]
    if (index % 2 === 0 || seconds <= 0) {
      heirs.push({ ...guess, capacityBytes: fill * more })
      left.push(fill)
      continue
    }
    const least = (bytes - guess.capacityBytes) / seconds
    const faster = Math.max(drain, least) * more
    heirs.push({ ...guess, drains: { ...guess.drains, [loadClass]: faster }, eagerness: 1 })
    left.push(Math.max(0, Math.min(guess.capacityBytes, bytes - faster * seconds)))
  }
  const peaks = left.map((fill, index) => fill / (heirs[index]?.capacityBytes ?? 1))
  return { guesses: listed(heirs), fills: left, peaks }
}
