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
  /** The last one: the next tells whether it does. */
  readonly pending: Flow | undefined
  readonly learntAtTicks: number
}

/** Seconds of a plateau that still count to what came before it: late reports come in. */
const graceTicks = 4
/** It is learnt from again when it has doubled; after this many seconds a new part of it begins. */
const longTicks = 60

/** Begins, goes on or ends with pressure. */
export function plateauAfter(belief: Belief, flow: Flow, pressed: boolean, chance: Chance): Belief {
  const { plateau } = belief
  if (!pressed) return plateau === undefined ? belief : ended(belief, plateau, chance)
  if (plateau === undefined) return begun(belief, flow.loadClass, flow.loadClass !== 'write-through')
  if (plateau.loadClass !== flow.loadClass || plateau.ticks >= longTicks) {
    return begun(ended(belief, plateau, chance), flow.loadClass, false)
  }
  const { pending } = plateau
  const ticks = plateau.ticks + (pending === undefined ? 0 : 1)
  const grown: Plateau = {
    ...plateau,
    ledger: ticks < graceTicks ? enter(plateau.ledger, flow) : plateau.ledger,
    ticks,
    bytes: plateau.bytes + (pending?.bytes ?? 0),
    seconds: plateau.seconds + (pending?.seconds ?? 0),
    squares: plateau.squares + (pending === undefined ? 0 : (pending.bytes / pending.seconds) ** 2),
    plateauFlows: plateau.plateauFlows + (ticks < graceTicks ? 1 : 0),
    pending: flow,
  }
  return ticks >= Math.max(3, 2 * plateau.learntAtTicks)
    ? learnFrom(belief, grown, chance)
    : { ...belief, plateau: grown }
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
    pending: undefined,
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
