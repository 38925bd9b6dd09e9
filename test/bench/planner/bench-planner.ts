import { parseArgs } from 'node:util'

import { Placement } from '../../../controller/planner/placement.js'
import { ganetiProblem } from '../../../controller/planner/ganeti/ganeti-problem.js'
import { parseGanetiText } from '../../../controller/planner/ganeti/ganeti-text.js'
import { parseUtilisation } from '../../../controller/planner/ganeti/utilisation.js'
import type { Problem } from '../../../controller/planner/problem.js'
import { rebalance } from '../../../controller/planner/rebalance.js'
import { withoutLimits } from '../../../controller/planner/simulate/round.js'
import { simulate } from '../../../controller/planner/simulate/simulate.js'
import { parseTrace } from '../../../controller/planner/simulate/trace.js'
import { parsePolicy } from '../../../controller/policy/policy-file.js'
import { mixedFleet, mixedTrace } from '../../support/mixed-load.js'
import { optimumGap, summaryOf, type OptimumGap } from '../../support/optimum-gaps.js'
import { planFaults } from '../../support/plan-faults.js'
import { ganetiFleet } from './ganeti-fleet.js'
import { groupsByHbal } from './hbal-groups.js'
import { hbalRuns, type HbalRun } from './hbal-runs.js'

/**
 * `npm run bench -- planner`: the planner beside hbal, an exact solver, rules and a week of load; `--only` names parts. What hbal does is recorded: its runs of 20 hosts are made by `--peers` where they
 * are missing, one after the other, each kept as soon as it is there.
 */
const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'large,hbal,exact,rules,week' },
    fleets: { type: 'string', default: '10000' },
    exact: { type: 'string', default: '100' },
    hosts: { type: 'string', default: '1000' },
    peers: { type: 'boolean', default: false },
  },
})
const parts = new Set(values.only.split(','))

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

function problemOf({ hosts, seed, mode }: Pick<HbalRun, 'hosts' | 'seed' | 'mode'>): Problem {
  const { text, utilisation } = ganetiFleet(seed, { hosts, vmsPerHost: 12 })
  const cluster = parseGanetiText(text, 'fleet')
  const names = new Set(cluster.instances.map(({ name }) => name))
  const loads = mode === 'util' ? parseUtilisation(utilisation, names, 'loads') : new Map<string, never>()
  return ganetiProblem(cluster, mode === 'ignore-dynu' ? undefined : loads)
}

/** At hbal's own numbers of moves: better, equal (to 1e-6), or worse. */
function besideHbal(run: HbalRun): object {
  const before = cpuSeconds()
  const problem = problemOf(run)
  const rows = run.at.map(([moves, theirs]) => {
    const { scoreAfter } = rebalance(problem, { seed: 1, mostMoves: moves, effort: 1, leastGain: 0 })
    return { moves, hbal: theirs, ours: Number(scoreAfter.toFixed(6)), isNoWorse: scoreAfter <= theirs + 1e-6 }
  })
  const seconds = (cpuSeconds() - before) / rows.length
  const row = { hosts: run.hosts, seed: run.seed, mode: run.mode, rows, cpuSeconds: Number(seconds.toFixed(2)) }
  console.log(JSON.stringify(row))
  return { ...row, cpuShareOfHbal: Number((seconds / run.cpuSeconds).toFixed(4)) }
}

async function large(hosts: number): Promise<object> {
  const { text } = ganetiFleet(1, { hosts, vmsPerHost: 12 })
  const problem = ganetiProblem(parseGanetiText(text, 'fleet'), new Map())
  const timed = (
    effort: number,
  ): { readonly score: number; readonly moves: number; readonly seconds: number; readonly cpu: number } => {
    const [from, cpu] = [performance.now(), cpuSeconds()]
    const { scoreAfter, steps } = rebalance(problem, { seed: 1, mostMoves: undefined, effort, leastGain: 0 })
    return {
      score: scoreAfter,
      moves: steps.length,
      seconds: (performance.now() - from) / 1000,
      cpu: cpuSeconds() - cpu,
    }
  }
  const scoreBefore = new Placement(problem).score
  const once = timed(1)
  const peakMiB = Math.round(process.resourceUsage().maxRSS / 1024)
  const tenTimes = timed(10)
  const groups = await groupsByHbal(hosts, { run: values.peers })
  const row = {
    hosts,
    vms: problem.vms.length,
    scoreBefore,
    once,
    tenTimes,
    peakMiB,
    shareOfTenTimes: Number(((scoreBefore - once.score) / (scoreBefore - tenTimes.score)).toFixed(4)),
    hbalInGroupsOf20:
      groups === undefined ? 'not run: --peers runs it' : new Placement({ ...problem, start: groups(problem) }).score,
  }
  console.log(JSON.stringify(row))
  return row
}

async function beside(count: number): Promise<object> {
  const gaps: OptimumGap[] = []
  for (let seed = 1; seed <= count; seed += 1) gaps.push(await optimumGap(seed))
  const row = { ...summaryOf(gaps), broken: gaps.filter(({ broken }) => broken.length > 0).length }
  console.log(JSON.stringify(row))
  return row
}

/** A week of mixed load, 100 VMs on 10 hosts, by the usual policy and without limits. */
function week(): object {
  const spec = mixedFleet(1, 10, 100)
  const trace = parseTrace(
    mixedTrace(1, spec, 7),
    spec.vms.map(({ name }) => name),
    'trace',
  )
  const options = { days: 7, roundMs: 3_600_000, seed: 1, effort: 0.2 }
  const usual = simulate(spec, trace, parsePolicy('', 'the usual policy').policy.moves, options)
  const free = simulate(spec, trace, withoutLimits, options)
  const row = {
    moves: usual.moves.length,
    movesPerVmDay: Number(usual.movesPerVmDay.toFixed(4)),
    insideCoolDown: usual.insideCoolDown,
    saturations: usual.saturations,
    imbalance: usual.imbalance,
    withoutLimits: { moves: free.moves.length, imbalance: free.imbalance, saturations: free.saturations },
    imbalanceShare: Number((usual.imbalance / free.imbalance).toFixed(3)),
  }
  console.log(JSON.stringify(row))
  return row
}

function rules(count: number): object {
  let faulty = 0
  for (let seed = 1; seed <= count; seed += 1) {
    const faults = planFaults(seed)
    if (faults.length === 0) continue
    faulty += 1
    console.error(`fleet ${seed}: ${faults.join('; ')}`)
  }
  return { fleets: count, faulty }
}

// The large fleet first: its memory is the highest of the process so far.
const ofLarge = parts.has('large') ? await large(Number(values.hosts)) : undefined
const ofHbal = parts.has('hbal') ? hbalRuns.map(besideHbal) : undefined
const ofExact = parts.has('exact') ? await beside(Number(values.exact)) : undefined
const ofWeek = parts.has('week') ? week() : undefined
const ofRules = parts.has('rules') ? rules(Number(values.fleets)) : undefined
console.log(
  JSON.stringify({
    bench: 'planner',
    large: ofLarge,
    hbal: ofHbal,
    exact: ofExact,
    week: ofWeek,
    rules: ofRules,
    bars: {
      largeSeconds: 10,
      peakMiB: 500,
      shareOfTenTimes: 0.8,
      cpuShareOfHbal: 0.02,
      medianGapPercent: 1,
      worstGapPercent: 5,
      movesPerVmDay: 0.05,
      imbalanceShare: 1.1,
    },
  }),
)
