import type { EstimateBasis, LoadClass } from '../model/array-condition.js'
import { normal, resampled, uniform, type Chance } from './chance.js'
import {
  drainsFrom,
  eachOf,
  eagernessDrawn,
  fillAfter,
  listed,
  unknownShare,
  type Guess,
  type Guesses,
} from './guess.js'
import type { Ledger } from './ledger.js'

/** Guesses, and what of them an overflow or a person has told already; what is not told is only assumed. */
export interface Knowledge {
  readonly guesses: Guesses
  /** Who told it, where it is `prior`. */
  readonly basis: EstimateBasis
  readonly capacityTold: Told
  readonly drainsTold: Readonly<Partial<Record<LoadClass, Told>>>
  /**
   * Deviation of the logarithm of what the cache took, from one overflow to the next, as it was seen: destage that waits, or leaves
   * something in the cache, makes the same array look smaller at one time than at another.
   */
  readonly scatter: number
}

/** `undefined`: no. */
export type Told = 'prior' | 'learnt' | undefined

/** A cliff and the plateau after it. */
export interface Overflow {
  /** What came before, and a few seconds of the plateau, in which late reports come in. */
  readonly ledger: Ledger
  /** How many of the ledger's last flows are of the plateau. */
  readonly plateauFlows: number
  readonly loadClass: LoadClass
  /** What writers got while the cache was full: what drains. */
  readonly drain: Measured | undefined
  /** The cache was not full before: the cliff tells its size. */
  readonly isCliff: boolean
}

/** In bytes a second, with the deviation of its logarithm. */
export interface Measured {
  readonly rate: number
  readonly spread: number
}

/** Deviation of the logarithm: how far an array changes from one overflow to the next. */
const drift = { prior: 0.25, learnt: 0.05 } as const
/** What scatter begins with and stays within, and how much of it the last overflow is. */
export const firstScatter = 0.025
const scatterRange = [0.03, 0.6] as const
const scatterNews = 0.6
/** Deviation of the logarithm: how well a cliff tells where the cache was full. */
const cliffSpread = 0.025
/** By how much of a plateau's second the fill at its beginning is uncertain. */
const lateSeconds = 0.3
/** Of seconds, and of the throughput of one that is like the plateau's. */
const mostUnseen = 3
const alikeRates = 1.25
/** Guesses that are all this unlikely were of another array. */
const surprise = -10

/**
 * What guesses become by an overflow: each takes the measured drain as far as it is not surer itself, plays the leaky bucket with all that
 * was written, and counts by how near it is to being full at the cliff; the near ones are kept, several times over, and take the size that
 * the cliff says. An ensemble of kernels (Musso, Oudjane and Le Gland, "Improving regularised particle filters", 2001).
 */
export function learn(before: Knowledge, overflow: Overflow, chance: Chance): Knowledge {
  const course = courseOf(overflow)
  const hasPast = before.capacityTold !== undefined || Object.keys(before.drainsTold).length > 0
  const candidates: Candidate[] = []
  let best = -Infinity
  for (const [index, guess] of eachOf(before.guesses).entries()) {
    const candidate = candidateOf(before, guess, unknownShare(index), overflow, course, chance)
    candidates.push(candidate)
    best = Math.max(best, candidate.logWeight)
  }
  if (best < surprise && hasPast) return learn(forgotten(before), overflow, chance)
  const weights = candidates.map(({ logWeight }) => Math.exp(logWeight - best))
  const guesses: Guess[] = []
  for (const index of resampled(weights, chance)) {
    const candidate = candidates[index]
    if (candidate !== undefined) guesses.push(drawn(candidate, chance))
  }
  return {
    guesses: listed(guesses),
    basis: before.basis,
    scatter: scatterAfter(before, overflow, candidates),
    capacityTold: overflow.isCliff ? 'learnt' : before.capacityTold,
    drainsTold:
      overflow.drain === undefined ? before.drainsTold : { ...before.drainsTold, [overflow.loadClass]: 'learnt' },
  }
}

/** By how far guesses were off, in the middle; half of that is of this overflow, half of those before. */
function scatterAfter({ scatter, capacityTold }: Knowledge, { isCliff }: Overflow, all: readonly Candidate[]): number {
  if (!isCliff || capacityTold !== 'learnt') return scatter
  const off = all.reduce((sum, one) => sum + one.off, 0) / all.length
  const square = (1 - scatterNews) * scatter ** 2 + scatterNews * off ** 2
  return Math.min(scatterRange[1], Math.max(scatterRange[0], Math.sqrt(square)))
}

function forgotten({ guesses, basis, scatter }: Knowledge): Knowledge {
  return { guesses, basis, scatter, capacityTold: undefined, drainsTold: {} }
}

interface Candidate {
  readonly logWeight: number
  /** Logarithm of what was in the cache at the cliff, for 1 of what fits. */
  readonly off: number
  /** With the drain that was measured. */
  readonly guess: Guess
  /** What guesses near this one hold; undefined: as much as this one. */
  readonly size: Size | undefined
}

/** In bytes, and how far the logarithm is from that: by how much, and with which deviation. */
interface Size {
  readonly bytes: number
  readonly shift: number
  readonly spread: number
}

/** One guess of those near a candidate. */
function drawn({ guess, size }: Candidate, chance: Chance): Guess {
  if (size === undefined) return guess
  const capacityBytes = size.bytes * Math.exp(size.shift + size.spread * normal(chance))
  // Here and there one that waits to destage, or does not, so that both stay possible.
  const eagerness = uniform(chance) < 0.03 ? eagernessDrawn(chance) : guess.eagerness
  return { capacityBytes, drains: guess.drains, eagerness }
}

function candidateOf(
  before: Knowledge,
  guess: Guess,
  share: number,
  overflow: Overflow,
  course: Course,
  chance: Chance,
): Candidate {
  const { drains, logWeight: drainWeight } = drainsAfter(before, guess, overflow, chance)
  const moved: Guess = { capacityBytes: guess.capacityBytes, drains, eagerness: guess.eagerness }
  if (!overflow.isCliff) return { logWeight: drainWeight, off: 0, guess: moved, size: undefined }
  const { fill, fromEmpty } =
    before.capacityTold === undefined
      ? replayUnsized(moved, share, course)
      : replay(moved, share * moved.capacityBytes, course)
  const late = (lateSeconds * moved.drains[overflow.loadClass]) / Math.max(fill, 1)
  const spread = Math.hypot(cliffSpread, Math.min(late, 0.4), before.scatter)
  if (fill <= 0) return { logWeight: drainWeight - 30, off: -1, guess: moved, size: undefined }
  const told = before.capacityTold
  if (told === undefined) {
    return { logWeight: drainWeight, off: 0, guess: moved, size: { bytes: fill, shift: 0, spread } }
  }
  const kernel = drift[told]
  const off = Math.log(fill / moved.capacityBytes)
  const variance = spread ** 2 + kernel ** 2
  // A cache that was never empty since it was full says nothing of its size, but whether it can be full again.
  const shift = fromEmpty ? (off * kernel ** 2) / variance : 0
  // The next overflow may be off as this one was.
  const rest = Math.hypot(fromEmpty ? (kernel * spread) / Math.sqrt(variance) : kernel / 2, before.scatter)
  const size = { bytes: moved.capacityBytes, shift, spread: rest }
  return { logWeight: drainWeight - off ** 2 / (2 * variance), off, guess: moved, size }
}

function drainsAfter(
  { drainsTold }: Knowledge,
  guess: Guess,
  { drain, loadClass }: Overflow,
  chance: Chance,
): { readonly drains: Guess['drains']; readonly logWeight: number } {
  if (drain === undefined) return { drains: guess.drains, logWeight: 0 }
  if (Object.keys(drainsTold).length === 0) {
    const rate = drain.rate * Math.exp(drain.spread * normal(chance))
    return { drains: drainsFrom(loadClass, rate, chance), logWeight: 0 }
  }
  const kernel = drift[drainsTold[loadClass] ?? 'prior']
  const off = Math.log(drain.rate / guess.drains[loadClass])
  const variance = drain.spread ** 2 + kernel ** 2
  const rest = (drain.spread * kernel) / Math.sqrt(variance)
  const rate = guess.drains[loadClass] * Math.exp((off * kernel ** 2) / variance + rest * normal(chance))
  return { drains: { ...guess.drains, [loadClass]: rate }, logWeight: -(off ** 2) / (2 * variance) }
}

interface Replayed {
  readonly fill: number
  readonly fromEmpty: boolean
}

/** Rounds in which a size and what was in the cache at first, as a share of it, come to agree. */
const sizeRounds = 3

/** What each guess goes through. */
interface Course extends Ledger {
  /** How many of the flows came before the cliff. */
  readonly cliff: number
}

function courseOf(overflow: Overflow): Course {
  const { from, flows } = overflow.ledger
  return { from, flows, cliff: cliffOf(overflow) }
}

/** Of a guess whose size is not told yet: what it has in its cache at the cliff is the size. */
function replayUnsized(guess: Guess, share: number, course: Course): Replayed {
  let replayed = replay(guess, 0, course)
  if (course.from !== 'unknown' || share === 0) return replayed
  for (let round = 0; round < sizeRounds; round += 1) replayed = replay(guess, share * replayed.fill, course)
  return replayed
}

/**
 * What the guess has in its cache after all that was written; of the last seconds the middle one, because one may have been told late.
 * @param unknownBytes what it had in it at first, where nobody knows
 */
function replay({ capacityBytes, drains, eagerness }: Guess, unknownBytes: number, course: Course): Replayed {
  const { from, flows, cliff } = course
  const isFromFull = from === 'full'
  let fill = isFromFull ? capacityBytes : from === 'unknown' ? unknownBytes : 0
  let fromEmpty = from === 'empty'
  let before = fill
  let earlier = fill
  for (let index = 0; index < flows.length; index += 1) {
    const flow = flows[index]
    if (flow === undefined) continue
    earlier = before
    before = fill
    // A full cache is emptied by any destage.
    fill = fillAfter(fill, drains[flow.loadClass], index < cliff ? eagerness : 1, flow.bytes, flow.seconds)
    if (isFromFull && !fromEmpty) fill = Math.min(fill, capacityBytes)
    if (fill === 0) fromEmpty = true
  }
  return { fill: middle(fill, before, earlier), fromEmpty }
}

/** Latency takes a second or two to tell: seconds before it with the plateau's throughput were of the plateau already. */
function cliffOf({ ledger, plateauFlows, drain }: Overflow): number {
  const { flows } = ledger
  let cliff = flows.length - plateauFlows
  for (let turn = 0; turn < mostUnseen; turn += 1) {
    const flow = flows[cliff - 1]
    if (drain === undefined || flow === undefined || flow.bytes > alikeRates * drain.rate * flow.seconds) return cliff
    cliff -= 1
  }
  return cliff
}

function middle(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c))
}
