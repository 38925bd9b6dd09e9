import type { FleetSpec } from '../../../common/fleet-file/fleet-spec.js'
import type { MoveRules } from '../../model/policy.js'
import { fleetProblem } from '../fleet-file/fleet-problem.js'
import { restsOf, type PastMove } from '../live/past-moves.js'
import { at, indexAt } from '../number-at.js'
import { Placement } from '../placement.js'
import type { Problem } from '../problem.js'
import { rebalance } from '../rebalance.js'
import { recentHigh } from './recent-high.js'
import type { Trace } from './trace.js'

/** How the planner acts by itself, as `moves` of the policy says. */
export type SimulatedRules = Pick<MoveRules, 'minGain' | 'holdRounds' | 'coolDownMs' | 'mostPerPlan'>

export interface SimulateOptions {
  readonly days: number
  /** Time between two looks. */
  readonly roundMs: number
  readonly seed: number
  readonly effort: number
}

export interface SimulatedMove {
  readonly atS: number
  readonly vm: string
  readonly from: string
  readonly to: string
}

export interface Simulated {
  readonly moves: readonly SimulatedMove[]
  readonly movesPerVmDay: number
  /** Moves of a VM that had not rested since its last one. */
  readonly insideCoolDown: number
  /** Moments of a host whose VMs have more memory than it may give. */
  readonly violations: number
  /** Moments of a host whose VMs ask for more CPUs than it has. */
  readonly saturations: number
  readonly moments: number
  /** Standard deviation over hosts of the share of CPUs that is asked for: its mean over time, and by hour. */
  readonly imbalance: number
  readonly imbalanceByHour: readonly number[]
  /** The trace was played so many times from its beginning. */
  readonly plays: number
}

const dayS = 86_400

/** Without limits: acts at every look on every gain. */
export const withoutLimits: SimulatedRules = { minGain: 0, holdRounds: 1, coolDownMs: 0, mostPerPlan: 1_000_000 }

/**
 * Plays what VMs did to a fleet that is planned for by itself: at every look a plan is made of what each VM did at most in 95 % of the last day; once as many looks in a row found one
 * as the rules want, it is done at once. VMs that moved rest as the policy has it, and do not go back within a day. Pure; the same for the same input and seed.
 */
export function simulate(spec: FleetSpec, trace: Trace, rules: SimulatedRules, options: SimulateOptions): Simulated {
  const base = fleetProblem(spec, { vcpusPerCore: undefined })
  const threads = Float64Array.from(spec.hosts, (host) => host.threads)
  const hostOf = Int32Array.from(base.start)
  const past: PastMove[] = []
  const moves: SimulatedMove[] = []
  const hours = new Map<number, { sum: number; count: number }>()
  const [played = 0, before = 0] = [trace.timesS.at(-1), trace.timesS.at(-2)]
  // A trace that is played again goes on as far from its last moment as that was from the one before.
  const lengthS = played + (played - before)
  const recent = recentHigh(spec.vms.length, dayS)
  let violations = 0
  let saturations = 0
  let moments = 0
  let total = 0
  let held = 0
  let insideCoolDown = 0
  let nextRoundS = options.roundMs / 1000
  const endS = options.days * dayS
  for (let atS = 0, index = 0, play = 0; atS < endS;) {
    const cores = trace.cores[index] ?? new Float64Array(spec.vms.length)
    recent.add(atS, cores)
    if (atS >= nextRoundS) {
      nextRoundS += options.roundMs / 1000
      const resting = restsOf(past, rules, atS * 1000)
      const problem = problemOf(
        base,
        hostOf,
        threads,
        recent.high(),
        (vm) => rules.coolDownMs > 0 && resting.has(spec.vms[vm]?.name ?? ''),
      )
      const leastGain = Math.max(0.001, rules.minGain * new Placement(problem).balance)
      const { steps } = rebalance(problem, {
        seed: options.seed,
        effort: options.effort,
        mostMoves: rules.mostPerPlan,
        leastGain,
      })
      held = steps.length === 0 ? 0 : held + 1
      if (held >= rules.holdRounds) {
        held = 0
        for (const { vm, from, to } of steps) {
          const name = spec.vms[vm]?.name ?? ''
          const rest = resting.get(name)
          if (rest !== undefined && rest.until > atS * 1000) insideCoolDown += 1
          hostOf[vm] = to
          const [fromName, toName] = [base.hosts[from] ?? '', base.hosts[to] ?? '']
          moves.push({ atS, vm: name, from: fromName, to: toName })
          past.push({
            vmUuid: name,
            fromHostId: fromName,
            toHostId: toName,
            begunAt: atS * 1000,
            endedAt: atS * 1000,
            sentBytes: undefined,
          })
        }
      }
    }
    const look = measured(base, hostOf, threads, cores)
    violations += look.violations
    saturations += look.saturations
    total += look.imbalance
    moments += 1
    const hour = Math.floor(atS / 3600)
    const sums = hours.get(hour) ?? { sum: 0, count: 0 }
    hours.set(hour, { sum: sums.sum + look.imbalance, count: sums.count + 1 })
    index += 1
    if (index === trace.timesS.length) [index, play] = [0, play + 1]
    atS = play * lengthS + (trace.timesS[index] ?? 0)
  }
  return {
    moves,
    movesPerVmDay: moves.length / Math.max(1, spec.vms.length * options.days),
    insideCoolDown,
    violations,
    saturations,
    moments,
    imbalance: total / Math.max(1, moments),
    imbalanceByHour: Array.from(hours.values(), ({ sum, count }) => sum / count),
    plays: Math.ceil(endS / Math.max(1, lengthS)),
  }
}

/** The fleet as it is, with CPUs that are asked for in place of those that are configured. */
function problemOf(
  base: Problem,
  hostOf: Int32Array,
  threads: Float64Array,
  cores: Float64Array,
  rests: (vm: number) => boolean,
): Problem {
  const memory = base.dimensions.filter(({ name }) => name === 'memory')
  const none = new Float64Array(base.hosts.length)
  const resting = base.ways.length
  return {
    ...base,
    start: Int32Array.from(hostOf),
    dimensions: [
      ...memory.map((one) => ({ ...one, spreadWeight: 0.2, peakWeight: 0.2 })),
      { name: 'CPU', base: none, capacity: threads, load: cores, spreadWeight: 1, peakWeight: 1 },
    ],
    vmKind: Int32Array.from(base.vmKind, (kind, vm) => (rests(vm) ? resting : kind)),
    ways: [...base.ways, (base.ways[0] ?? []).map(() => ({ rule: 'cool-down' as const, reason: 'it moved lately' }))],
  }
}

function measured(
  { hosts, counted, limits }: Problem,
  hostOf: Int32Array,
  threads: Float64Array,
  cores: Float64Array,
): { readonly violations: number; readonly saturations: number; readonly imbalance: number } {
  const asked = new Float64Array(hosts.length)
  const memory = new Float64Array(hosts.length)
  const limit = limits.find(({ rule }) => rule === 'into-reserve')
  for (let vm = 0; vm < hostOf.length; vm += 1) {
    const host = indexAt(hostOf, vm)
    asked[host] = at(asked, host) + at(cores, vm)
    if (limit !== undefined) memory[host] = at(memory, host) + at(limit.use, vm)
  }
  const shares = [...hosts.keys()]
    .filter((host) => counted[host] === 1)
    .map((host) => at(asked, host) / at(threads, host))
  const mean = shares.reduce((sum, one) => sum + one, 0) / Math.max(1, shares.length)
  const variance = shares.reduce((sum, one) => sum + (one - mean) ** 2, 0) / Math.max(1, shares.length)
  return {
    violations: hosts.filter((_, host) => limit !== undefined && at(memory, host) > at(limit.most, host)).length,
    saturations: hosts.filter((_, host) => at(asked, host) > at(threads, host)).length,
    imbalance: Math.sqrt(variance),
  }
}
