import type { FleetSpec } from '../../../common/fleet-file/fleet-spec.js'
import { fleetProblem } from '../fleet-file/fleet-problem.js'
import { restsOf, type PastMove } from '../live/past-moves.js'
import { at, indexAt } from '../number-at.js'
import type { Problem } from '../problem.js'
import { recentHigh } from './recent-high.js'
import { heldAfter, planAt, problemAt, type Held, type SimulatedRules } from './round.js'
import type { Trace } from './trace.js'

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

/**
 * Plays what VMs did to a fleet that is planned for by itself: at every look a plan of live moves is made of what each VM did at most in 95 % of the last day; once as many looks in a row found the
 * same first move as the rules want, it is done at once. VMs that moved rest as the policy has it, and do not go back within a day. Pure; the same for the same input and seed.
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
  let held: Held = { count: 0, move: '' }
  const lastMoveS = new Map<number, number>()
  let insideCoolDown = 0
  let nextRoundS = options.roundMs / 1000
  const endS = options.days * dayS
  for (let atS = 0, index = 0, play = 0; atS < endS;) {
    const cores = trace.cores[index] ?? new Float64Array(spec.vms.length)
    recent.add(atS, cores)
    if (atS >= nextRoundS) {
      nextRoundS += options.roundMs / 1000
      const now = atS * 1000
      const resting = restsOf(past, rules, now)
      const problem = problemAt(spec, base, rules, { hostOf, threads, cores: recent.high(), resting, now })
      const steps = planAt(spec, problem, rules, options)
      held = heldAfter(held, steps)
      if (steps.length > 0 && held.count >= rules.holdRounds) {
        for (const { vm, from, to } of steps) {
          const name = spec.vms[vm]?.name ?? ''
          const last = lastMoveS.get(vm)
          if (last !== undefined && last < atS && (atS - last) * 1000 < rules.coolDownMs) insideCoolDown += 1
          lastMoveS.set(vm, atS)
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
