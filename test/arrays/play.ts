import { newArrayModel, type ArrayModel } from '../../controller/arrays/array-model.js'
import type { ArrayPrior } from '../../controller/arrays/guess.js'
import { step } from '../../controller/arrays/step.js'
import type { ArrayCondition } from '../../controller/model/array-condition.js'
import type { Dice } from './dice.js'
import { emptyHidden, type HiddenSpec } from './hidden-array.js'
import { Watcher, type Kit, type Truth } from './observed.js'
import type { Work } from './work.js'

const startMs = Date.UTC(2026, 2, 2)

/** One second of a trial: what was so, and what the learner said of it. */
export interface Moment {
  readonly second: number
  readonly truth: Truth
  readonly condition: ArrayCondition
}

export interface Play {
  readonly spec: HiddenSpec
  readonly work: Work
  readonly seconds: number
  readonly kit: Kit
  readonly dice: Dice
  readonly prior?: ArrayPrior
}

/** Lets a learner that knows nothing watch a hidden array; as plain data between steps, as after a restart. */
export function* play({ spec, work, seconds, kit, dice, prior }: Play): Generator<Moment> {
  const watcher = new Watcher(spec, emptyHidden(), kit, dice, startMs)
  let model: ArrayModel = newArrayModel(`box-${dice.roll()}`, prior, startMs)
  for (let second = 0; second < seconds; second += 1) {
    const { tick, truth } = watcher.next(work(second))
    const stepped = step(model, tick, { bulkCopyBytesPerSecond: undefined })
    model = stepped.model
    yield { second, truth, condition: stepped.condition }
  }
}
