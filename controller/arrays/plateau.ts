import type { LoadClass } from '../model/array-condition.js'
import { withKnowledge, type Belief } from './belief.js'
import type { Chance } from './chance.js'
import type { Flow } from './flow.js'
import { enter, type Ledger } from './ledger.js'
import { learn, type Knowledge, type Measured } from './learn.js'

/** The seconds in which the cache is full: writers get what the disks drain. */
export interface Plateau {
  /** What was known before it, and what was written until a few seconds into it: with more of it at hand it is learnt from again. */
  readonly before: Knowledge
  readonly ledger: Ledger
  readonly loadClass: LoadClass
  readonly isCliff: boolean
  /** Seconds that lie wholly within it. */
  readonly ticks: number
  readonly bytes: number
  readonly seconds: number
  /** Of bytes a second, added up. */
  readonly squares: number
  /** How many of the ledger's last flows are of the plateau. */
  readonly plateauFlows: number
  /** The last one, and those before it that were as slow: what comes next tells whether they are of it. */
  readonly pending: readonly Flow[]
  /** The last few, of it or of its end. */
  readonly lately: readonly Flow[]
  readonly learntAtTicks: number
}

/** Seconds of a plateau that still count to what came before it: late reports come in. */
const graceTicks = 4
/** It is learnt from again when it has doubled; after this many seconds a new part of it begins. */
const longTicks = 60

/** Of the plateau's throughput: a second below it is of its end, unless a faster one follows. */
const endingShare = 0.35
/** So many seconds one after the other at a steady throughput below this share: the cache was not full before them. */
const fallenTicks = 3
const fallenShare = 0.5
const steadyRates = 1.6
/** A plateau that was one for so long changes only with its load. */
const longestMistakenTicks = 20

/** Begins, goes on or ends with pressure. */
export function plateauAfter(belief: Belief, flow: Flow, pressed: boolean, chance: Chance): Belief {
  const { plateau } = belief
  if (!pressed) return plateau === undefined ? belief : ended(belief, plateau, chance)
  if (plateau === undefined) return begun(belief, flow.loadClass, flow.loadClass !== 'write-through')
  if (plateau.loadClass !== flow.loadClass || plateau.ticks >= longTicks) {
    return begun(ended(belief, plateau, chance), flow.loadClass, false)
  }
  const counted = isEnding(plateau, flow) ? plateau : plateau.pending.reduce(counting, plateau)
  const { ticks } = counted
  const grown: Plateau = {
    ...counted,
    ledger: ticks < graceTicks ? enter(plateau.ledger, flow) : plateau.ledger,
    plateauFlows: plateau.plateauFlows + (ticks < graceTicks ? 1 : 0),
    pending: counted === plateau ? [...plateau.pending, flow].slice(-mostPending) : [flow],
    lately: [...plateau.lately, flow].slice(-fallenTicks),
  }
  if (isMistaken(grown)) return learnFrom(belief, moved(grown, belief.ledger), chance)
  return ticks >= Math.max(3, 2 * plateau.learntAtTicks)
    ? learnFrom(belief, grown, chance)
    : { ...belief, plateau: grown }
}

const mostPending = 8

/** It is as slow as what may be the end, and nothing is known yet of what comes after. */
function isEnding({ bytes, seconds, pending }: Plateau, flow: Flow): boolean {
  if (pending.length === 0) return true
  return seconds > 0 && rateOf(flow) < endingShare * (bytes / seconds) && pending.length < mostPending
}

function counting(plateau: Plateau, { bytes, seconds }: Flow): Plateau {
  return {
    ...plateau,
    ticks: plateau.ticks + 1,
    bytes: plateau.bytes + bytes,
    seconds: plateau.seconds + seconds,
    squares: plateau.squares + (bytes / seconds) ** 2,
  }
}

function rateOf({ bytes, seconds }: Flow): number {
  return bytes / seconds
}

/**
 * A full cache takes what drains. Where throughput falls to half and stays there, latency was high for another reason before: the cliff is
 * where it fell.
 */
function isMistaken({ isCliff, ticks, bytes, seconds, lately }: Plateau): boolean {
  if (!isCliff || ticks < 1 || ticks > longestMistakenTicks || lately.length < fallenTicks) return false
  const rates = lately.map(rateOf)
  const [least, most] = [Math.min(...rates), Math.max(...rates)]
  return most < fallenShare * (bytes / seconds) && least > 0 && most < steadyRates * least && least > leastRate
}

/** What no array notices is no plateau. */
const leastRate = 0.3e6

/** The same, begun with the last seconds. */
function moved(plateau: Plateau, ledger: Ledger): Plateau {
  const { lately } = plateau
  const none = { ...plateau, ticks: 0, bytes: 0, seconds: 0, squares: 0 }
  const last = lately.slice(-1)
  return { ...lately.slice(0, -1).reduce(counting, none), ledger, plateauFlows: lately.length, pending: last }
}

function begun(belief: Belief, loadClass: LoadClass, isCliff: boolean): Belief {
  const { knowledge, ledger } = belief
  const plateau: Plateau = {
    before: knowledge,
    ledger,
    loadClass,
    isCliff,
    ticks: 0,
    bytes: 0,
    seconds: 0,
    squares: 0,
    plateauFlows: 1,
    pending: [],
    lately: [],
    learntAtTicks: 0,
  }
  const overflows = belief.overflows + (isCliff ? 1 : 0)
  if (!isCliff) return { ...belief, plateau }
  return withKnowledge(
    { ...belief, plateau, overflows, peaks: fullPeaks(belief) },
    knowledge,
    knowledge.guesses.capacityBytes,
  )
}

function ended(belief: Belief, plateau: Plateau, chance: Chance): Belief {
  const isNews = plateau.learntAtTicks === 0 || plateau.ticks >= 1.2 * plateau.learntAtTicks
  const learnt = isNews ? learnFrom(belief, plateau, chance) : belief
  return { ...learnt, plateau: undefined, ledger: { from: 'full', flows: [] } }
}

function learnFrom(belief: Belief, plateau: Plateau, chance: Chance): Belief {
  const { isCliff, ledger, plateauFlows, loadClass, before, ticks } = plateau
  const drain = drainOf(plateau)
  if (drain === undefined && !isCliff) return { ...belief, plateau }
  const knowledge = learn(before, { ledger, plateauFlows, loadClass, drain, isCliff }, chance)
  // Without a cache nothing is in it.
  const fills = loadClass === 'write-through' ? belief.fills.map(() => 0) : knowledge.guesses.capacityBytes
  const learnt = { ...belief, peaks: fullPeaks(belief), plateau: { ...plateau, learntAtTicks: ticks } }
  return withKnowledge(learnt, knowledge, fills)
}

/** It was full, and the cliff was seen: that is no doubt of any guess. */
function fullPeaks({ peaks }: Belief): number[] {
  return peaks.map(() => 1)
}

/** Deviation of the logarithm of a plateau's throughput: of a second of a short one, and what no length takes away. */
const secondSpread = 0.25
const plateauSpread = 0.05
/** Seconds that follow one another are alike: they tell less than as many by themselves. */
const alike = 1.5

/** What writers got while the cache was full, as exactly as its seconds agree. */
function drainOf({ ticks, bytes, seconds, squares }: Plateau): Measured | undefined {
  if (ticks < 1 || bytes <= 0) return undefined
  const rate = bytes / seconds
  const scatter = Math.sqrt(Math.max(0, squares / ticks - rate ** 2)) / rate
  const ofSecond = ticks < 3 ? secondSpread : Math.min(secondSpread, alike * scatter)
  return { rate, spread: Math.hypot(plateauSpread, ofSecond / Math.sqrt(ticks)) }
}
