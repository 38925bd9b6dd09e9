import { parseArgs } from 'node:util'

import { Dice } from './dice.js'
import { caches, drains, oddSpec, plainSpec, policies } from './hidden-specs.js'
import { kits, type Kit } from './observed.js'
import { judgeOverflows, judgeStates, median } from './trials/judging.js'
import { nineArrays } from './trials/learning.js'
import { mixed } from './trials/mixed.js'
import { month } from './trials/month.js'
import { stalls } from './trials/stalls.js'

const usage = `Judges the model of write caches by hidden arrays, whose insides it never sees; in simulation, in virtual time.

Usage: npx tsx test/arrays/main.ts TRIAL [--seed 1] [--count 5] [--overflows 6] [--kit ${kits.join('|')}] [--details]

  learning   nine arrays, from nothing: what is known of each after two overflows
  policies   arrays that destage in other ways: states and forecasts
  warnings   the nine arrays: how long before an overflow it was told of
  stalls     arrays that stand still, and jobs that end as they should
  month      mixed months: saturation found, and told rightly

--kit: what hosts can tell with. Each ends with one line of JSON.
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '5' },
    overflows: { type: 'string', default: '6' },
    days: { type: 'string', default: '30' },
    kit: { type: 'string', default: 'all' },
    details: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const seed = Number(values.seed)
const count = Number(values.count)
const kit: Kit = kits.find((one) => one === values.kit) ?? 'all'
const [trial] = positionals

switch (values.help ? undefined : trial) {
  case 'learning':
    say(learningTrial())
    break
  case 'policies':
    for (const policy of policies) say({ policy, ...judged(policyArrays(policy)) })
    break
  case 'warnings':
    say(judged(plainArrays()))
    break
  case 'stalls':
    say(stallsTrial())
    break
  case 'month':
    say(monthTrial())
    break
  default:
    console.log(usage)
    process.exitCode = values.help ? 0 : 2
}

function say(figures: object): void {
  console.log(JSON.stringify({ trial, kit, seed, ...figures }))
}

function learningTrial(): object {
  const all = [...nineArrays(seed, count, kit)]
  if (values.details) {
    for (const { spec, ...rest } of all) {
      const name = `${(spec.cacheBytes / 1e6).toFixed(0)} MB ${(spec.drainBytesPerSecond / 1e6).toFixed(0)} MB/s`
      console.log(
        name,
        JSON.stringify(rest, (_, value) => (typeof value === 'number' ? rounded(value) : value)),
      )
    }
  }
  const share = (test: (one: (typeof all)[number]) => boolean): number => rounded(all.filter(test).length / all.length)
  const sum = (of: (one: (typeof all)[number]) => number): number => all.reduce((total, one) => total + of(one), 0)
  return {
    arrays: all.length,
    drainWithin20: share(({ drainError }) => Math.abs(drainError) <= 0.2),
    capacityWithin30: share(({ capacityError }) => Math.abs(capacityError) <= 0.3),
    drainHeld: share(({ drainHolds }) => drainHolds),
    capacityHeld: share(({ capacityHolds }) => capacityHolds),
    fillHeld: rounded(sum(({ fillHeld }) => fillHeld) / sum(({ fillSeconds }) => fillSeconds)),
    overflowsSeen: rounded(sum(({ overflowsSeen }) => overflowsSeen) / all.length),
  }
}

type Played = ReturnType<typeof mixed> & { readonly cacheBytes: number; readonly overwriteShare: number }

function* policyArrays(policy: (typeof policies)[number]): Generator<Played> {
  for (let round = 0; round < count; round += 1) {
    const dice = new Dice(seed * 1000 + round, policy)
    const spec = oddSpec(dice, policy)
    yield { ...mixed(spec, kit, dice, Number(values.overflows)), ...spec }
  }
}

function* plainArrays(): Generator<Played> {
  for (let round = 0; round < count; round += 1) {
    for (const cache of caches) {
      for (const drain of drains) {
        const dice = new Dice(seed * 1000 + round, `plain ${cache} ${drain}`)
        const spec = plainSpec(dice, cache, drain)
        yield { ...mixed(spec, kit, dice, Number(values.overflows)), ...spec }
      }
    }
  }
}

/** States from the beginning; forecasts of what came after two overflows. */
function judged(plays: Iterable<Played>): object {
  const states = { seconds: 0, right: 0, rightNearby: 0 }
  const byTruth: Record<string, { seconds: number; right: number }> = {}
  const overflows = []
  const fill = { seconds: 0, held: 0 }
  const room = { seconds: 0, held: 0 }
  for (const { moments, taught, cacheBytes, overwriteShare } of plays) {
    const one = judgeStates(moments)
    states.seconds += one.seconds
    states.right += one.right
    states.rightNearby += one.rightNearby
    for (const [state, of] of Object.entries(one.byTruth)) {
      const total = (byTruth[state] ??= { seconds: 0, right: 0 })
      total.seconds += of.seconds
      total.right += of.right
    }
    const after = moments.filter(({ second }) => second >= taught)
    overflows.push(...judgeOverflows(after))
    for (const { truth, condition } of after) {
      const bytes = truth.fillBytes / (1 - overwriteShare)
      const free = cacheBytes / (1 - overwriteShare) - bytes
      if (truth.full === 0) room.seconds += 1
      if (truth.full === 0 && condition.burst.room.low <= free && free <= condition.burst.room.high) room.held += 1
      if (bytes < 0.03 * cacheBytes || condition.fill === undefined) continue
      fill.seconds += 1
      if (condition.fill.low <= bytes && bytes <= condition.fill.high) fill.held += 1
    }
  }
  const slow = overflows.filter(({ builtSeconds }) => builtSeconds >= 3)
  const fast = overflows.filter(({ builtSeconds }) => builtSeconds < 3)
  const foretold = slow.flatMap((one) => one.foretold)
  return {
    seconds: states.seconds,
    stateRight: rounded(states.right / states.seconds),
    stateRightNearby: rounded(states.rightNearby / states.seconds),
    ...(values.details
      ? {
          byTruth: Object.fromEntries(
            Object.entries(byTruth).map(([state, of]) => [state, [of.seconds, rounded(of.right / of.seconds)]]),
          ),
        }
      : {}),
    slowOverflows: slow.length,
    warned: rounded(slow.filter(({ warned }) => warned).length / slow.length),
    medianErrorOfSeconds: rounded(median(foretold.map(({ error }) => error))),
    secondsHeld: rounded(foretold.filter(({ held }) => held).length / foretold.length),
    fillHeld: rounded(fill.held / fill.seconds),
    roomHeld: rounded(room.held / room.seconds),
    fastOverflows: fast.length,
    burstStoodBefore: rounded(fast.filter(({ burstSeconds }) => (burstSeconds ?? Infinity) <= 15).length / fast.length),
  }
}

function stallsTrial(): object {
  const { toldAfterSeconds, jobs, falseStalls } = stalls(seed, count, 20, kit)
  const told = toldAfterSeconds.filter((seconds) => seconds !== undefined)
  return {
    stalls: toldAfterSeconds.length,
    told: told.length,
    latestSeconds: Math.max(...told),
    within8: told.filter((seconds) => seconds <= 8).length,
    jobs,
    falseStalls,
  }
}

function monthTrial(): object {
  const total = {
    happened: 0,
    found: 0,
    told: 0,
    toldRightly: 0,
    nearFullTold: 0,
    nearFullToldRightly: 0,
    quietWeeks: 0,
    toldWronglyInQuietWeeks: 0,
  }
  for (let round = 0; round < count; round += 1) {
    const one = month(seed, round, Number(values.days), kit)
    if (values.details) console.log(JSON.stringify({ round, ...one }))
    for (const key of Object.keys(total)) if (isKey(key, total)) total[key] += one[key]
  }
  return { ...total, recall: rounded(total.found / total.happened), precision: rounded(total.toldRightly / total.told) }
}

function isKey<T extends object>(key: string, of: T): key is Extract<keyof T, string> {
  return key in of
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000
}
