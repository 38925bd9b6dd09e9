import type { Dice } from '../dice.js'
import type { HiddenSpec } from '../hidden-array.js'
import type { Kit } from '../observed.js'
import { play, type Moment } from '../play.js'
import { background, emptyingSeconds, harmless, overflowing, withJobs, type Job } from '../work.js'

/** Jobs of all kinds, one after the other: those that overflow the cache at odd places of the list, harmless ones between. */
export function mixedJobs(spec: HiddenSpec, dice: Dice, overflows: number): Job[] {
  const jobs: Job[] = []
  let second = Math.round(dice.between(60, 120))
  for (let turn = 0; turn < overflows; turn += 1) {
    const one = overflowing(dice, spec, second)
    jobs.push(one)
    second = one.toSecond + Math.round(dice.between(0.5, 1.6) * emptyingSeconds(spec))
    const calm = harmless(dice, spec, second)
    jobs.push(calm)
    second = calm.toSecond + Math.round(dice.between(0.5, 1.2) * emptyingSeconds(spec))
  }
  return jobs
}

/** The moments of an array with some overflows, and from which on two of them were over. */
export function mixed(
  spec: HiddenSpec,
  kit: Kit,
  dice: Dice,
  overflows: number,
): { moments: Moment[]; taught: number } {
  const jobs = mixedJobs(spec, dice, overflows)
  const seconds = (jobs.at(-1)?.toSecond ?? 0) + Math.min(300, emptyingSeconds(spec))
  const work = withJobs(background(dice, spec), jobs, dice)
  return { moments: [...play({ spec, work, seconds, kit, dice })], taught: jobs[2]?.toSecond ?? 0 }
}
