import type { ArrayCondition, ArrayTick, LoadClass } from '../model/array-condition.js'
import type { ArrayModel, Plateau } from './array-model.js'
import type { Chance } from './chance.js'
import { conditionOf, type ArraySettings } from './condition.js'
import { estimatesOf, levelsOf } from './estimates.js'
import { forget } from './forget.js'
import { meanFlow, type Flow } from './flow.js'
import { fillAfter, type Guess } from './guess.js'
import { emptyLedger, enter } from './ledger.js'
import { learn, type Knowledge, type Measured } from './learn.js'
import { contentAfter, loadClassOf } from './load-class.js'
import { writerAfter } from './largest-writer.js'
import { fade, isPressed, press } from './pressure.js'
import { isStalled, stillAfter } from './stall.js'
import { survive } from './survive.js'

/** What one more second says of an array's write cache. Reads no clock; the same model and tick give the same. */
export function step(
  before: ArrayModel,
  tick: ArrayTick,
  settings: ArraySettings,
): { readonly model: ArrayModel; readonly condition: ArrayCondition } {
  const chance: Chance = { seed: before.seed }
  const seen = observe(before, tick)
  const flow = flowOf(seen, tick)
  const levelled = levelsAfter(seen, flow, chance)
  const learnt = plateauAfter(levelled, flow, chance)
  const known = forget(learnt, tick.seconds, chance)
  const isSame = known.fills === before.fills && known.knowledge.guesses === before.knowledge.guesses
  const levels = isSame ? before.levels : levelsOf(known.knowledge.guesses, known.fills)
  const model = { ...known, levels, seed: chance.seed }
  const condition = conditionOf(model, tick, settings)
  const { state, since } = condition
  return { model: state === model.state ? model : { ...model, state, since }, condition }
}

/** How many steps the inflow is a mean of: reports are late at times. */
const recentSteps = 3

/** What needs no guesses. */
function observe(before: ArrayModel, tick: ArrayTick): ArrayModel {
  const content = contentAfter(before.content, tick, middleOf(before.fills))
  const loadClass = loadClassOf(tick, content, before.loadClass)
  const { writeBytes, seconds } = tick
  const recent =
    writeBytes === undefined
      ? before.recent.slice(1)
      : [...before.recent.slice(-recentSteps + 1), { bytes: writeBytes, seconds, loadClass }]
  const model = { ...before, content, loadClass, recent }
  const pressure = press(before.pressure, tick, {
    drain: before.estimates.drains[loadClass],
    isDrainKnown: before.knowledge.drainsTold[loadClass] !== undefined,
    inflow: meanFlow(recent),
    fullShare: before.knowledge.capacityTold === undefined ? 0 : shareFull(before),
  })
  return {
    ...model,
    pressure: pressure ?? fade(before.pressure),
    writer: writerAfter(before.writer, tick, isPressed(before.pressure)),
    stillSeconds: stillAfter(before.stillSeconds, tick),
    observedSeconds: before.observedSeconds + (writeBytes === undefined ? 0 : seconds),
  }
}

/** A mean is near enough. */
function middleOf(fills: readonly number[]): number {
  let sum = 0
  for (const fill of fills) sum += fill
  return sum / fills.length
}

function shareFull({ knowledge, fills }: ArrayModel): number {
  let full = 0
  for (const [index, guess] of knowledge.guesses.entries())
    if ((fills[index] ?? 0) > 0.92 * guess.capacityBytes) full += 1
  return full / fills.length
}

/** What is not known counts as nothing, for the fill to be bounded below; the interval of the inflow says so. */
function flowOf({ loadClass }: ArrayModel, { writeBytes, seconds }: ArrayTick): Flow {
  return { bytes: writeBytes ?? 0, seconds, loadClass }
}

/** Empties and fills the cache of each guess, and lets go of those that a cliff should have shown by now. */
function levelsAfter(model: ArrayModel, flow: Flow, chance: Chance): ArrayModel {
  const { knowledge, ledger } = model
  if (flow.loadClass === 'write-through' || isStalled(model.stillSeconds)) return model
  const isFull = isPressed(model.pressure)
  if (isFull && model.plateau !== undefined) return { ...model, ledger: enter(ledger, flow) }
  const { guesses } = knowledge
  const fills = fillsAfter(guesses, model.fills, flow)
  // Empty for nearly all guesses: an anchor.
  const isAnchor = shareEmpty(fills) >= 0.9
  const levelled = { ...model, fills, ledger: isAnchor ? emptyLedger : enter(ledger, flow) }
  if (isFull) return levelled
  const left = survive({ guesses, fills, peaks: model.peaks }, chance)
  if (left.guesses === guesses) return { ...levelled, peaks: left.peaks }
  return { ...withKnowledge(levelled, { ...knowledge, guesses: left.guesses }), fills: left.fills, peaks: left.peaks }
}

/** The same object where nothing changes, as in most seconds: nothing that was made of it has to be made anew. */
function fillsAfter(guesses: readonly Guess[], before: readonly number[], flow: Flow): readonly number[] {
  let changed: number[] | undefined
  let index = 0
  for (const guess of guesses) {
    const fill = before[index] ?? 0
    const after = fillAfter(guess, fill, flow)
    if (after !== fill) {
      changed ??= before.slice()
      changed[index] = after
    }
    index += 1
  }
  return changed ?? before
}

function shareEmpty(fills: readonly number[]): number {
  let empty = 0
  for (const fill of fills) if (fill === 0) empty += 1
  return empty / fills.length
}

function withKnowledge(model: ArrayModel, knowledge: Knowledge): ArrayModel {
  return { ...model, knowledge, estimates: estimatesOf(knowledge, model.prior) }
}

/** Seconds of a plateau that still count to what came before it: late reports come in. */
const graceTicks = 4
/** It is learnt from again when it has grown by half; after this many seconds a new part of it begins. */
const longTicks = 60

function plateauAfter(model: ArrayModel, flow: Flow, chance: Chance): ArrayModel {
  const { plateau } = model
  if (!isPressed(model.pressure)) return plateau === undefined ? model : ended(model, plateau, chance)
  if (plateau === undefined) return begun(model, flow.loadClass, flow.loadClass !== 'write-through')
  if (plateau.loadClass !== flow.loadClass || plateau.ticks >= longTicks) {
    return begun(ended(model, plateau, chance), flow.loadClass, false)
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
  return ticks >= Math.max(3, 1.5 * plateau.learntAtTicks)
    ? learnFrom(model, grown, chance)
    : { ...model, plateau: grown }
}

function begun(model: ArrayModel, loadClass: LoadClass, isCliff: boolean): ArrayModel {
  const { knowledge, ledger } = model
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
  const overflows = model.overflows + (isCliff ? 1 : 0)
  const fills = isCliff ? knowledge.guesses.map(({ capacityBytes }) => capacityBytes) : model.fills
  return { ...model, plateau, overflows, fills, peaks: model.peaks.map(() => 0) }
}

function ended(model: ArrayModel, plateau: Plateau, chance: Chance): ArrayModel {
  const isNews = plateau.learntAtTicks === 0 || plateau.ticks >= 1.2 * plateau.learntAtTicks
  const learnt = isNews ? learnFrom(model, plateau, chance) : model
  return { ...learnt, plateau: undefined, ledger: { from: 'full', flows: [] } }
}

function learnFrom(model: ArrayModel, plateau: Plateau, chance: Chance): ArrayModel {
  const { isCliff, ledger, plateauFlows, loadClass, before, ticks } = plateau
  const drain = drainOf(plateau)
  if (drain === undefined && !isCliff) return { ...model, plateau }
  const knowledge = learn(before, { ledger, plateauFlows, loadClass, drain, isCliff }, chance)
  const fills = knowledge.guesses.map(({ capacityBytes }) => capacityBytes)
  const known = withKnowledge(model, knowledge)
  return { ...known, fills, peaks: fills.map(() => 0), plateau: { ...plateau, learntAtTicks: ticks } }
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
