import type { ArrayCacheState } from '../../../controller/model/array-condition.js'
import type { Moment } from '../play.js'

/** How often what was told is so. */
export interface StatesJudged {
  readonly seconds: number
  readonly right: number
  /** Right for one of the two seconds before or after: hosts may be late by that. */
  readonly rightNearby: number
  readonly byTruth: Readonly<Partial<Record<ArrayCacheState, { seconds: number; right: number }>>>
}

const nearbySeconds = 2

export function judgeStates(moments: readonly Moment[]): StatesJudged {
  const byTruth: Partial<Record<ArrayCacheState, { seconds: number; right: number }>> = {}
  let right = 0
  let rightNearby = 0
  for (const [index, { truth, condition }] of moments.entries()) {
    if (condition.state === truth.state) right += 1
    const around = moments.slice(Math.max(0, index - nearbySeconds), index + nearbySeconds + 1)
    const isNearby = around.some((one) => one.truth.state === condition.state)
    if (isNearby) rightNearby += 1
    const of = (byTruth[truth.state] ??= { seconds: 0, right: 0 })
    of.seconds += 1
    if (isNearby) of.right += 1
  }
  return { seconds: moments.length, right, rightNearby, byTruth }
}

/** A cache that became full, as it was and as it was foretold. */
export interface OverflowJudged {
  /** Since the writers began that filled it. */
  readonly builtSeconds: number
  /** A second before or earlier it was said to be near; if it builds at all. */
  readonly warned: boolean
  /** Before they began: how soon two bulk copies would fill it. */
  readonly burstSeconds: number | undefined
  readonly foretold: readonly { readonly error: number; readonly held: boolean }[]
}

/** A warning says that the cache may be full within this. */
const warnedSeconds = 15
/** Pauses of writers that are shorter are part of the same overflow. */
const calmSeconds = 15
const foretoldSeconds = 30

export function judgeOverflows(moments: readonly Moment[]): OverflowJudged[] {
  const judged: OverflowJudged[] = []
  let calm = calmSeconds
  for (const [index, { truth }] of moments.entries()) {
    if (truth.full <= 0.4) {
      calm += 1
      continue
    }
    if (calm >= calmSeconds) judged.push(judgeOne(moments, index))
    calm = 0
  }
  return judged
}

function judgeOne(moments: readonly Moment[], onset: number): OverflowJudged {
  let from = onset
  while (from > 0 && isBuilding(moments[from - 1])) from -= 1
  const build = moments.slice(from, onset)
  const last = moments[onset]?.truth.at ?? 0
  const before = moments[Math.max(0, from - 1)]
  return {
    builtSeconds: build.length,
    warned: build
      .slice(0, -1)
      .some(({ condition }) => (condition.secondsToSaturation?.low ?? Infinity) <= warnedSeconds),
    burstSeconds: before?.condition.burst.secondsForTwoCopies?.likely,
    foretold: build.slice(-foretoldSeconds, -1).flatMap(({ truth, condition }) => {
      const told = condition.secondsToSaturation
      const left = (last - truth.at) / 1000
      if (told === undefined) return [{ error: 1, held: false }]
      return [{ error: Math.abs(told.likely - left) / left, held: told.low <= left && left <= told.high }]
    }),
  }
}

function isBuilding(moment: Moment | undefined): boolean {
  return moment !== undefined && moment.truth.inflow > 1.2e6 && moment.truth.full <= 0.4 && isGrowing(moment)
}

function isGrowing({ truth }: Moment): boolean {
  return truth.state === 'filling' || truth.state === 'near-full' || truth.isRising
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
