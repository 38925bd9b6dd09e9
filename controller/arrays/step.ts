import type { ArrayCondition, ArrayTick } from '../model/array-condition.js'
import type { ArrayModel } from './array-model.js'
import { flowInto, gapInto, type Belief } from './belief.js'
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

/** While nothing ends, nothing drains either; while nobody tells anything, nothing is known to move. */
function beliefAfter(
  before: Belief,
  { pressure, loadClass, stillSeconds }: Evidence,
  tick: ArrayTick,
  chance: Chance,
): Belief {
  const { writeBytes, late } = tick
  const seconds = before.silentSeconds + tick.seconds
  const pressed = isPressed(pressure)
  if (late !== undefined) return gapInto(before, late, { bytes: 0, seconds, loadClass }, pressed)
  if (writeBytes === undefined) return { ...before, silentSeconds: seconds }
  const flow: Flow = { bytes: writeBytes, seconds, loadClass }
  const isStill = loadClass === 'write-through' || isStalled(stillSeconds)
  const filled = isStill ? { ...before, silentSeconds: 0 } : flowInto(before, flow, pressed, chance)
  // A second in which nothing ended is none of how fast the disks drain.
  return stillSeconds === 0 || !pressed ? plateauAfter(filled, flow, pressed, chance) : filled
}
