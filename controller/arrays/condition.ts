import type { ArrayCacheState, ArrayCondition, ArrayTick, BurstHeadroom, Interval } from '../model/array-condition.js'
import type { ArrayModel } from './array-model.js'
import type { Belief } from './belief.js'
import { knownDrains } from './estimates.js'
import type { Evidence } from './evidence.js'
import { meanFlow } from './flow.js'
import { guessCount } from './guess.js'
import { bulkCopyOf } from './largest-writer.js'
import { isPressed } from './pressure.js'
import { intervalWithin } from './quantiles.js'
import { isStalled } from './stall.js'

export interface ArraySettings {
  /** What one bulk copy writes, by policy; else what was seen counts. */
  readonly bulkCopyBytesPerSecond: number | undefined
}

/** Beyond this nobody warns of anything. */
const mostSeconds = 86_400
const soonSeconds = 3600

const nothing: Interval = { low: 0, likely: 0, high: 0 }

/** What is told of the model as it is after a step. */
export function conditionOf(
  model: ArrayModel,
  tick: ArrayTick,
  ahead: Interval | undefined,
  settings: ArraySettings,
): ArrayCondition {
  const { boxId, evidence, belief, observedSeconds } = model
  const { estimates, knowledge, overflows } = belief
  const { loadClass } = evidence
  const isThrough = loadClass === 'write-through'
  const inflow = meanFlow(evidence.recent)
  const state = stateOf(model, meanFlow(evidence.recent, 2))
  return {
    boxId,
    at: tick.at,
    state,
    since: state === model.state ? model.since : tick.at,
    fill: isThrough || !isFillKnown(belief) ? undefined : belief.levels.fill,
    capacity: isThrough ? { ...nothing, basis: 'controller' } : estimates.capacity,
    drain: estimates.drains[loadClass],
    drains: knownDrains(knowledge, estimates),
    loadClass,
    inflowBytesPerSecond: inflow,
    secondsToSaturation: isThrough ? undefined : state === 'saturated' ? nothing : ahead,
    burst: burstOf(model, inflow ?? 0, settings),
    overflows,
    observedSeconds,
  }
}

/** Reports are late at times; whoever tells nothing for longer leaves nothing known. */
const longestSilenceSeconds = 10

function isFillKnown({ ledger, plateau, silentSeconds }: Belief): boolean {
  return (plateau !== undefined || ledger.from !== 'unknown') && silentSeconds <= longestSilenceSeconds
}

/** Shares of the likely capacity. */
const nearFullShare = 0.8
const drainingShare = 0.08
const fillingShare = 0.02
/** What no array notices. */
const leastInflow = 0.3e6

/** The likeliest. */
function stateOf(model: ArrayModel, inflow: number | undefined): ArrayCacheState {
  if (isStalled(model.evidence.stillSeconds)) return 'stalled'
  if (model.evidence.loadClass === 'write-through') return 'write-through'
  if (inflow === undefined) return 'unknown'
  if (isPressed(model.evidence.pressure)) return 'saturated'
  const { capacity } = model.belief.estimates
  const drain = model.belief.estimates.drains[model.evidence.loadClass]
  const level = model.belief.levels.fill.likely / capacity.likely
  const grows = inflow > leastInflow && inflow > drain.likely
  if (capacity.basis === 'assumed' && drain.basis === 'assumed') {
    // Nobody knows what the array can take: only what is clear of all guesses is told.
    if (inflow > leastInflow && inflow > drain.low) return 'unknown'
  }
  if (grows && level > nearFullShare) return 'near-full'
  if (grows && level > fillingShare) return 'filling'
  return level > drainingShare ? 'draining' : 'idle'
}

/** At the inflow of now. */
export function secondsUntilFull(belief: Belief, evidence: Evidence): Interval | undefined {
  const { recent, loadClass } = evidence
  const mean = meanFlow(recent)
  // The newest report may be of a writer that has just begun, or late.
  const newest = meanFlow(recent, 1)
  const inflow = meanFlow(recent, 2)
  if (mean === undefined || newest === undefined || inflow === undefined) return undefined
  const most = Math.max(mean, newest, inflow)
  const drain = belief.estimates.drains[loadClass]
  if (most <= leastInflow || most < 0.5 * drain.low) return undefined
  const least = Math.min(mean, newest, inflow)
  const { capacityBytes, drains, eagerness } = belief.knowledge.guesses
  const drained = drains[loadClass]
  for (let index = 0; index < guessCount; index += 1) {
    const room = Math.max(0, (capacityBytes[index] ?? 0) - (belief.fills[index] ?? 0))
    const place = (index + 0.5) / guessCount
    const bytes = place < 0.25 ? least : place < 0.75 ? inflow : most
    const rise = bytes - (drained[index] ?? 0) * (eagerness[index] ?? 1)
    left[index] = rise > 0.02 * bytes ? Math.min(mostSeconds, room / rise) : mostSeconds
  }
  const seconds = intervalWithin(left)
  return seconds.likely > soonSeconds ? undefined : seconds
}

/** As each guess says; each second of each box works here, one after the other. */
const left = new Float64Array(guessCount)

function burstOf(model: ArrayModel, inflow: number, settings: ArraySettings): BurstHeadroom {
  const bulkCopyBytesPerSecond = settings.bulkCopyBytesPerSecond ?? bulkCopyOf(model.evidence.writer)
  const loadClass = model.evidence.loadClass === 'random' ? 'sequential' : model.evidence.loadClass
  const isThrough = loadClass === 'write-through'
  const room = isThrough ? nothing : model.belief.levels.room
  const drain = model.belief.estimates.drains[loadClass]
  const twoCopies = 2 * bulkCopyBytesPerSecond + inflow
  const secondsForTwo = {
    low: secondsFor(room.low, twoCopies - drain.low),
    likely: secondsFor(room.likely, twoCopies - drain.likely),
    high: secondsFor(room.high, twoCopies - drain.high),
  }
  const taken = room.low / 60 + drain.low - inflow
  return {
    room,
    bulkCopyBytesPerSecond,
    bulkCopies: Math.max(0, Math.floor(taken / bulkCopyBytesPerSecond)),
    secondsForTwoCopies: secondsForTwo.likely > soonSeconds ? undefined : secondsForTwo,
  }
}

function secondsFor(bytes: number, rise: number): number {
  return rise > 0 ? Math.min(mostSeconds, bytes / rise) : mostSeconds
}
