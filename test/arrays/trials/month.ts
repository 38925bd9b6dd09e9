import { Dice } from '../dice.js'
import { oddSpec, plainSpec, policies } from '../hidden-specs.js'
import type { Kit } from '../observed.js'
import { play } from '../play.js'
import { background, harmless, overflowing, withJobs, type Job, type Work } from '../work.js'

/** How saturation was told of in a month of one array. */
export interface MonthJudged {
  /** Times in which the cache was full for `heldSeconds` and longer, and those told of. */
  readonly happened: number
  readonly found: number
  readonly told: number
  readonly toldRightly: number
  /** Times in which it was said to be nearly full, and those in which it was so, or nearly. */
  readonly nearFullTold: number
  readonly nearFullToldRightly: number
  /** Of weeks without a job that overflows. */
  readonly quietWeeks: number
  /** Though the cache was not full. */
  readonly toldWronglyInQuietWeeks: number
}

const daySeconds = 86_400
/** A saturation that somebody is told of has lasted as long. */
const heldSeconds = 5
/** Above this somebody who is told "nearly full" is told rightly. */
const leastNearShare = 0.7
/** Breaks that are shorter belong to the same. */
const breakSeconds = 20

/** Weeks in turns: with overflows and without. */
export function month(seed: number, round: number, days: number, kit: Kit): MonthJudged {
  const dice = new Dice(seed * 1000 + round, 'month')
  const odd = policies[round % (policies.length + 1)]
  const spec = odd === undefined ? plainSpec(dice, dice.sized(50e6, 400e6), dice.sized(4e6, 32e6)) : oddSpec(dice, odd)
  const jobs = jobsOf(
    days,
    (second, isBusyWeek) => {
      const isBad = isBusyWeek && dice.happens(0.25)
      return isBad ? overflowing(dice, spec, second) : harmless(dice, spec, second)
    },
    dice,
  )
  const work = indexed(background(dice, spec), jobs, dice)
  const truths = new Spans()
  const tolds = new Spans()
  const nearTruths = new Spans()
  const nearTolds = new Spans()
  for (const { second, truth, condition } of play({ spec, work, seconds: days * daySeconds, kit, dice })) {
    truths.see(second, truth.full > 0.4)
    tolds.see(second, condition.state === 'saturated')
    nearTruths.see(second, truth.full > 0 || truth.fillBytes > leastNearShare * spec.cacheBytes)
    nearTolds.see(second, condition.state === 'near-full')
  }
  const happened = truths.list.filter(isLong)
  const told = tolds.list.filter(isLong)
  const isRight = (one: Span): boolean => truths.list.some((other) => meet(one, other))
  const weeks = Math.ceil(days / 7)
  const isNear = (one: Span): boolean => nearTruths.list.some((other) => meet(one, other))
  return {
    happened: happened.length,
    found: happened.filter((one) => tolds.list.some((other) => meet(one, other))).length,
    told: told.length,
    toldRightly: told.filter(isRight).length,
    nearFullTold: nearTolds.list.length,
    nearFullToldRightly: nearTolds.list.filter(isNear).length,
    quietWeeks: Array.from({ length: weeks }, (_, week) => week).filter((week) => week % 2 === 1).length,
    toldWronglyInQuietWeeks: told.filter((one) => weekOf(one.from) % 2 === 1 && !isRight(one)).length,
  }
}

interface Span {
  readonly from: number
  to: number
  seconds: number
}

class Spans {
  readonly list: Span[] = []

  see(second: number, is: boolean): void {
    if (!is) return
    const last = this.list.at(-1)
    if (last !== undefined && second - last.to <= breakSeconds) {
      last.to = second
      last.seconds += 1
    } else this.list.push({ from: second, to: second, seconds: 1 })
  }
}

function isLong({ seconds }: Span): boolean {
  return seconds >= heldSeconds
}

function meet(a: Span, b: Span): boolean {
  return a.from <= b.to + 5 && b.from <= a.to + 5
}

function weekOf(second: number): number {
  return Math.floor(second / (7 * daySeconds))
}

function jobsOf(days: number, make: (second: number, isBusyWeek: boolean) => Job, dice: Dice): Job[] {
  const jobs: Job[] = []
  let second = 600
  while (second < days * daySeconds) {
    const job = make(second, weekOf(second) % 2 === 0)
    jobs.push(job)
    second = job.toSecond + Math.round(dice.between(600, 7200))
  }
  return jobs
}

/** The same as `withJobs`, for many: jobs come one after the other. */
function indexed(base: Work, jobs: readonly Job[], dice: Dice): Work {
  let next = 0
  return (second) => {
    while ((jobs[next]?.toSecond ?? Infinity) <= second) next += 1
    const job = jobs[next]
    return withJobs(base, job === undefined ? [] : [job], dice)(second)
  }
}
