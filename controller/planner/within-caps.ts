import { bestBeginning } from './best-beginning.js'
import { indexAt } from './number-at.js'
import type { Step } from './order-moves.js'
import { Placement } from './placement.js'
import type { Problem } from './problem.js'

/** What one plan may do at most, and how much it has to gain. */
export interface Caps {
  /** Moves that a host takes part in. */
  readonly mostPerHost: number
  /** Moves of VMs that an array is used by. */
  readonly mostPerArray: number
  /** Of the score, costs taken off; a plan that gains no more is none. */
  readonly leastGain: number
}

/** Below this share of evenness a plan is not worth a line. */
const leastScore = 0.001

/** What a plan has to gain. @param minGain of the present unevenness, as `moves.minGain` of the policy says */
export function leastGainOf(problem: Problem, minGain: number): number {
  return Math.max(leastScore, minGain * new Placement(problem).balance)
}

/**
 * The steps that caps let through; one that needs another which is left out is left out too. Where some are, what is left is weighed again, as it may
 * be the way round of a move that is not there any more.
 * @param arraysOf keys of the arrays that a VM uses, each once
 */
export function stepsWithinCaps(
  problem: Problem,
  steps: readonly Step[],
  { mostPerHost, mostPerArray, leastGain }: Caps,
  arraysOf: (vm: number) => readonly string[],
): { readonly steps: readonly Step[]; readonly isCut: boolean } {
  const ofHost = new Map<number, number>()
  const ofArray = new Map<string, number>()
  const placement = new Placement(problem)
  const kept: Step[] = []
  for (const step of steps) {
    const { vm, from, to } = step
    const arrays = arraysOf(vm)
    const isFull =
      [from, to].some((host) => (ofHost.get(host) ?? 0) >= mostPerHost) ||
      arrays.some((key) => (ofArray.get(key) ?? 0) >= mostPerArray)
    if (isFull || indexAt(placement.hostOf, vm) !== from || !placement.allows(vm, to)) continue
    placement.move(vm, to)
    kept.push(step)
    for (const host of [from, to]) ofHost.set(host, (ofHost.get(host) ?? 0) + 1)
    for (const key of arrays) ofArray.set(key, (ofArray.get(key) ?? 0) + 1)
  }
  const isCut = kept.length < steps.length
  return { steps: isCut ? worthTheirCost(problem, kept, leastGain) : kept, isCut }
}

/** Those steps from the first on that gain most together, their costs taken off; none if that is not above `leastGain`. */
function worthTheirCost(problem: Problem, steps: readonly Step[], leastGain: number): readonly Step[] {
  const placement = new Placement(problem)
  const before = placement.score
  let costs = 0
  return bestBeginning(
    steps,
    steps.map(({ vm, to }) => {
      const kind = placement.kind(vm, to)
      costs += kind === undefined ? 0 : problem.moveCost(vm, kind)
      placement.move(vm, to)
      return before - placement.score - costs
    }),
    leastGain,
  )
}
