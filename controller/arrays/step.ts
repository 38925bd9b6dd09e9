import type { ArrayCondition, ArrayTick } from '../model/array-condition.js'
import type { ArrayModel } from './array-model.js'
import { flowInto, type Belief } from './belief.js'
import type { Chance } from './chance.js'
import { conditionOf, secondsUntilFull, type ArraySettings } from './condition.js'
import { look, type Evidence } from './evidence.js'
import { corrected, foretold, judged } from './forecasts.js'
import { forget } from './forget.js'
import type { Flow } from './flow.js'
import { plateauAfter } from './plateau.js'
import { isPressed } from './pressure.js'
import { isStalled } from './stall.js'

/** What one more second says of an array's write cache. Reads no clock; the same model and tick give the same. */
export function step(
  before: ArrayModel,
  tick: ArrayTick,
  settings: ArraySettings,
): { readonly model: ArrayModel; readonly condition: ArrayCondition } {
  const chance: Chance = { seed: before.seed }
  const evidence = look(before.evidence, tick, before.belief)
  const observedSeconds = before.observedSeconds + (tick.writeBytes === undefined ? 0 : tick.seconds)
  const learnt = beliefAfter(before.belief, evidence, tick, chance)
  const belief = forget(learnt, before.observedSeconds, observedSeconds, chance)
  const isCliff = belief.overflows > before.belief.overflows
  const isKnown = before.belief.knowledge.capacityTold !== undefined
  const known = isCliff && isKnown ? judged(before.forecasts, tick.at) : before.forecasts
  const ahead = isPressed(evidence.pressure) ? undefined : secondsUntilFull(belief, evidence)
  const forecasts = foretold(known, ahead, tick.at)
  const told = ahead === undefined ? undefined : corrected(ahead, forecasts)
  const condition = conditionOf({ ...before, evidence, belief, observedSeconds }, tick, told, settings)
  const { version, boxId, prior } = before
  const { state, since } = condition
  return {
    model: { version, boxId, prior, seed: chance.seed, evidence, belief, forecasts, state, since, observedSeconds },
    condition,
  }
}

/** A write that nobody told of counts as none; while nothing ends, nothing drains either. */
function beliefAfter(
  before: Belief,
  { pressure, loadClass, stillSeconds }: Evidence,
  tick: ArrayTick,
  chance: Chance,
): Belief {
  const flow: Flow = { bytes: tick.writeBytes ?? 0, seconds: tick.seconds, loadClass }
  const pressed = isPressed(pressure)
  const isStill = loadClass === 'write-through' || isStalled(stillSeconds)
  const filled = isStill ? before : flowInto(before, flow, pressed, chance)
  // A second in which nothing ended, or of which nobody told, is none of how fast the disks drain.
  const isOfPlateau = tick.writeBytes !== undefined && stillSeconds === 0
  return isOfPlateau || !pressed ? plateauAfter(filled, flow, pressed, chance) : filled
}
