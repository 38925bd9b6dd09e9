import { Dice } from '../dice.js'
import { caches, drains, plainSpec } from '../hidden-specs.js'
import type { Kit } from '../observed.js'
import { play } from '../play.js'
import { background, harmless, overflowing, withJobs, type Job } from '../work.js'

export interface Stalls {
  /** Of each array that stood still: after how many seconds that was told; undefined: it was not. */
  readonly toldAfterSeconds: readonly (number | undefined)[]
  /** Jobs that ended as they should, and seconds of them and after that were told to stand still. */
  readonly jobs: number
  readonly falseStalls: number
}

/** Each array has `jobsEach` jobs; some stand still at last, in the middle of one. */
export function stalls(seed: number, count: number, jobsEach: number, kit: Kit): Stalls {
  const toldAfterSeconds: (number | undefined)[] = []
  let jobs = 0
  let falseStalls = 0
  for (let round = 0; round < count; round += 1) {
    const dice = new Dice(seed * 1000 + round, 'stalls')
    const spec = plainSpec(dice, dice.pick(caches), dice.pick(drains))
    const all: Job[] = []
    let second = 40
    for (let turn = 0; turn < jobsEach; turn += 1) {
      const job = dice.happens(0.5) ? overflowing(dice, spec, second) : harmless(dice, spec, second)
      all.push(job)
      second = job.toSecond + Math.round(dice.between(5, 60))
    }
    const freeze = second + 5
    all.push({ fromSecond: second, toSecond: freeze + 60, bytesPerSecond: dice.sized(10e6, 60e6) })
    const work = withJobs(background(dice, spec), all, dice)
    const withFreeze = (at: number) => ({ ...work(at), frozen: at >= freeze })
    let told: number | undefined
    for (const { second: at, condition } of play({ spec, work: withFreeze, seconds: freeze + 30, kit, dice })) {
      if (condition.state !== 'stalled') continue
      if (at < freeze) falseStalls += 1
      else told ??= at - freeze + 1
    }
    toldAfterSeconds.push(told)
    jobs += jobsEach
  }
  return { toldAfterSeconds, jobs, falseStalls }
}
