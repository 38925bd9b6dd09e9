import type { Interval } from '../../../controller/model/array-condition.js'
import { Dice } from '../dice.js'
import { effectiveCapacity, type HiddenSpec } from '../hidden-array.js'
import { caches, drains, plainSpec } from '../hidden-specs.js'
import type { Kit } from '../observed.js'
import { play } from '../play.js'
import { background, emptyingSeconds, harmless, overflowing, quiet, withJobs, type Job } from '../work.js'

/** What a learner that began from nothing knows of an array after two overflows. */
export interface Learnt {
  readonly spec: HiddenSpec
  readonly overflowsSeen: number
  /** Relative errors; positive: too large. */
  readonly drainError: number
  readonly capacityError: number
  readonly drainHolds: boolean
  readonly capacityHolds: boolean
  /** Of the seconds with something in the cache after the first overflow: those whose interval of the fill held it. */
  readonly fillHeld: number
  readonly fillSeconds: number
}

/** The nine combinations, `count` times. */
export function* nineArrays(seed: number, count: number, kit: Kit): Generator<Learnt> {
  for (let round = 0; round < count; round += 1) {
    for (const cache of caches) {
      for (const drain of drains) {
        const dice = new Dice(seed * 1000 + round, `nine ${cache} ${drain}`)
        yield twoOverflows(plainSpec(dice, cache, drain), kit, dice)
      }
    }
  }
}

export function twoOverflows(spec: HiddenSpec, kit: Kit, dice: Dice): Learnt {
  const first = overflowing(dice, spec, Math.round(dice.between(100, 200)))
  // Sometimes the cache is not empty again.
  const between = harmless(dice, spec, first.toSecond + Math.round(dice.between(0.4, 1.5) * emptyingSeconds(spec)))
  const second = overflowing(dice, spec, between.toSecond + Math.round(dice.between(0.2, 1.5) * emptyingSeconds(spec)))
  const jobs: readonly Job[] = [first, between, second]
  const base = background(dice, spec)
  const last = second.toSecond + Math.min(300, emptyingSeconds(spec))
  const held = { fill: 0, fillSeconds: 0 }
  const drained = { bytes: 0, seconds: 0 }
  let end = undefined
  for (const moment of play({ spec, work: withJobs(base, jobs, dice), seconds: last, kit, dice })) {
    const { truth, condition } = moment
    end = condition
    if (moment.second > second.fromSecond && truth.full > 0.99) {
      drained.bytes += truth.inflow
      drained.seconds += truth.pace
    }
    if (moment.second < first.toSecond || truth.fillBytes < 0.03 * spec.cacheBytes) continue
    held.fillSeconds += 1
    if (holds(condition.fill, truth.fillBytes / (1 - spec.overwriteShare))) held.fill += 1
  }
  // What writers truly got while the cache was full all the second, had the disks been as fast as on average.
  const drain = drained.bytes / drained.seconds
  const capacity = effectiveCapacity(spec, { ...quiet, bulkBytes: second.bytesPerSecond })
  const told = end?.drains.sequential ?? end?.drains['with-reads'] ?? end?.drain
  return {
    spec,
    overflowsSeen: end?.overflows ?? 0,
    drainError: (told?.likely ?? 0) / drain - 1,
    capacityError: (end?.capacity.likely ?? 0) / capacity - 1,
    drainHolds: holds(told, drain),
    capacityHolds: holds(end?.capacity, capacity),
    fillHeld: held.fill,
    fillSeconds: held.fillSeconds,
  }
}

function holds(interval: Interval | undefined, value: number): boolean {
  return interval !== undefined && interval.low <= value && value <= interval.high
}
