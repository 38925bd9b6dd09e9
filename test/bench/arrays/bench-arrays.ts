import { parseArgs } from 'node:util'

import { newArrayModel, type ArrayModel } from '../../../controller/arrays/array-model.js'
import { step } from '../../../controller/arrays/step.js'
import type { ArrayTick } from '../../../controller/model/array-condition.js'
import { Dice } from '../../arrays/dice.js'
import { emptyHidden } from '../../arrays/hidden-array.js'
import { caches, drains, plainSpec } from '../../arrays/hidden-specs.js'
import { Watcher } from '../../arrays/observed.js'
import { background, withJobs } from '../../arrays/work.js'
import { mixedJobs } from '../../arrays/trials/mixed.js'
import { latencyOf, quantile, rounded } from '../store/figures.js'

/**
 * What a step of the model of write caches takes, per array: many arrays that are written to all the time, overflows and quiet hours among it.
 * Beside it a loop whose work is always the same, for machines to be compared by.
 */
const { values } = parseArgs({
  options: {
    arrays: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '1500' },
    'warm-up': { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
  },
})
const barMicroseconds = 20
const arrays = Number(values.arrays)
const seconds = Number(values.seconds)
const startMs = Date.UTC(2026, 2, 2)

const arraysOf = Array.from({ length: arrays }, (_, index) => {
  const dice = new Dice(Number(values.seed) * 1000 + index, 'bench')
  const spec = plainSpec(dice, dice.pick(caches), dice.pick(drains))
  const work = withJobs(background(dice, spec), mixedJobs(spec, dice, 6), dice)
  const watcher = new Watcher(spec, emptyHidden(), 'all', dice, startMs)
  return (second: number): ArrayTick => watcher.next(work(second)).tick
})
let models: ArrayModel[] = arraysOf.map((_, index) => newArrayModel(`box-${index}`, undefined, startMs))
const took: number[] = []
const loops: number[] = []
const warmUp = Number(values['warm-up'])
let spentMicroseconds = 0
for (let second = 0; second < seconds; second += 1) {
  const ticks = arraysOf.map((tickOf) => tickOf(second))
  const began = performance.now()
  const cpuBefore = process.cpuUsage()
  models = models.map((model, index) => {
    const tick = ticks[index]
    return tick === undefined ? model : step(model, tick, { bulkCopyBytesPerSecond: undefined }).model
  })
  const { user, system } = process.cpuUsage(cpuBefore)
  if (second >= warmUp) spentMicroseconds += user + system
  took.push((1000 * (performance.now() - began)) / arrays)
  loops.push(calibration())
}
const measured = took.slice(warmUp)
// Of the processor, garbage collection included: other programs do not count.
const mean = spentMicroseconds / measured.length / arrays
const bytes = Math.max(...models.map((model) => JSON.stringify(model).length))
const { p50Ms, p99Ms } = latencyOf(measured)
console.log(`a step of an array: mean ${rounded(mean)} µs, p50 ${p50Ms} µs, p99 ${p99Ms} µs (bar ${barMicroseconds})`)
console.log(
  JSON.stringify({
    bench: 'arrays',
    arrays,
    seconds: measured.length,
    meanMicroseconds: rounded(mean),
    p50Microseconds: p50Ms,
    p99Microseconds: p99Ms,
    barMicroseconds,
    met: mean <= barMicroseconds,
    largestModelBytes: bytes,
    calibrationMs: rounded(quantile(loops, 0.5)),
  }),
)

/** Always the same work. */
function calibration(): number {
  const began = performance.now()
  let sum = 0
  for (let turn = 0; turn < 20_000; turn += 1) sum += Math.sqrt(turn)
  return sum > 0 ? performance.now() - began : 0
}
