import { SeededRandom } from '../../common/seeded-random.js'
import { indexAt } from './number-at.js'
import { orderAsFar, orderMoves, type Step } from './order-moves.js'
import { Placement } from './placement.js'
import type { Problem } from './problem.js'
import { leastGain, search } from './search.js'

export interface RebalanceOptions {
  readonly seed: number
  /** Undefined: as many as gain more than they cost. */
  readonly mostMoves: number | undefined
  /** How much work is done: 1 is usual. */
  readonly effort: number
  /** Least gain of the whole plan, costs taken off: with less the plan is empty. */
  readonly leastGain: number
}

/** What is proposed. */
export interface Rebalanced {
  readonly scoreBefore: number
  readonly scoreAfter: number
  /** In order: each may be done when its turn comes. */
  readonly steps: readonly Step[]
  /** Host of each VM in the end. */
  readonly hostOf: Int32Array
  /** A cap cut the plan: without it there would be more to gain. */
  readonly capped: boolean
}

/** Rounds after which planning from where a plan ends must have found nothing more. A large fleet gets one: it always finds a little. */
const mostRounds = 12
const largeFleetVms = 2000

/**
 * Moves that make hosts alike and mend what rules find, each of them allowed at its time, in an order in which the first gain most. What it leaves
 * it would leave again: planning from there gives an empty plan, unless a cap cut it or there are more than 2,000 VMs. The same for the same input and seed.
 */
export function rebalance(problem: Problem, options: RebalanceOptions): Rebalanced {
  const before = new Placement(problem).score
  const mostMoves = options.mostMoves ?? Infinity
  let current = problem
  let steps: Step[] = []
  let capped = false
  for (let round = 0; round < (problem.vms.length > largeFleetVms ? 1 : mostRounds); round += 1) {
    const more = roundOf(current, options, mostMoves - steps.length)
    if (more.length === 0) break
    steps = round === 0 ? more : joined(problem, [...steps, ...more])
    capped = steps.length >= mostMoves
    current = { ...problem, start: endOf(problem, steps) }
    if (capped) break
  }
  const hostOf = Int32Array.from(current.start)
  return { scoreBefore: before, scoreAfter: new Placement(current).score, steps, hostOf, capped }
}

/** One plan from where VMs are; empty if it gains too little. */
function roundOf(problem: Problem, options: RebalanceOptions, mostMoved: number): Step[] {
  if (mostMoved <= 0) return []
  const { seed, effort } = options
  const placement = new Placement(problem)
  const before = placement.score
  const random = SeededRandom.of(seed, 'rebalance')
  search(placement, { random, mostMoved, tries: triesFor(problem, effort) })
  const { steps } = orderAsFar(problem, placement.hostOf)
  const within = steps.length > mostMoved ? steps.slice(0, mostMoved) : steps
  const end = new Placement({ ...problem, start: endOf(problem, within) })
  const gain = before - end.score - costOf(problem, within)
  return gain > Math.max(leastGain, options.leastGain) ? within : []
}

function triesFor({ vms, hosts }: Problem, effort: number): number {
  if (hosts.length < 2) return 0
  return Math.round(effort * Math.min(600_000, 20_000 + vms.length * 250))
}

function endOf({ start }: Problem, steps: readonly Step[]): Int32Array {
  const hostOf = Int32Array.from(start)
  for (const { vm, to } of steps) hostOf[vm] = to
  return hostOf
}

/** What the moves cost in score. */
function costOf(problem: Problem, steps: readonly Step[]): number {
  return steps.reduce((sum, { vm, to }) => {
    const way = problem.ways[indexAt(problem.vmKind, vm)]?.[indexAt(problem.hostKind, to)]
    return way !== undefined && 'kind' in way ? sum + problem.moveCost(vm, way.kind) : sum
  }, 0)
}

/** The same end with each VM moved once, where there is an order for that. */
function joined(problem: Problem, steps: readonly Step[]): Step[] {
  const ordered = orderMoves(problem, endOf(problem, steps))
  return ordered !== undefined && ordered.length <= steps.length ? ordered : [...steps]
}
