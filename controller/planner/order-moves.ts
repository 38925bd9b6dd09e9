import { indexAt } from './number-at.js'
import { Placement } from './placement.js'
import type { Problem } from './problem.js'

/** One VM to another host. */
export interface Step {
  readonly vm: number
  readonly from: number
  readonly to: number
}

/** With more steps than this, the best next one is looked for among the first that are left only. */
const mostCompared = 400

/**
 * Puts moves in an order in which each is allowed when its turn comes: the one that gains most first. VMs that wait for each other's room go
 * by a third host for a while.
 * @param goal host of each VM in the end
 * @returns the steps, or undefined if no order was found
 */
export function orderMoves(problem: Problem, goal: Int32Array): Step[] | undefined {
  const { steps, isWhole } = orderAsFar(problem, goal)
  return isWhole ? steps : undefined
}

/** The same as far as there is an order: VMs that are left stay where they are. */
export function orderAsFar(problem: Problem, goal: Int32Array): { readonly steps: Step[]; readonly isWhole: boolean } {
  const placement = new Placement(problem)
  const left: number[] = []
  for (let vm = 0; vm < goal.length; vm += 1) {
    if (indexAt(goal, vm) !== indexAt(problem.start, vm)) left.push(vm)
  }
  const steps: Step[] = []
  const go = (vm: number, to: number): void => {
    steps.push({ vm, from: indexAt(placement.hostOf, vm), to })
    placement.move(vm, to)
  }
  let detours = left.length
  while (left.length > 0) {
    const next = bestAllowed(placement, left, goal)
    if (next !== undefined) {
      const [vm] = left.splice(next, 1)
      if (vm !== undefined) go(vm, indexAt(goal, vm))
      continue
    }
    const detour = detours > 0 ? wayRound(placement, left, goal) : undefined
    if (detour === undefined) return { steps, isWhole: false }
    detours -= 1
    go(detour.vm, detour.to)
  }
  return { steps, isWhole: true }
}

function bestAllowed(placement: Placement, left: readonly number[], goal: Int32Array): number | undefined {
  let best = Infinity
  let found: number | undefined
  let compared = 0
  for (const [place, vm] of left.entries()) {
    if (compared >= mostCompared) break
    const to = indexAt(goal, vm)
    if (!placement.allows(vm, to)) continue
    compared += 1
    const delta = placement.delta(vm, to)
    if (delta < best) [best, found] = [delta, place]
  }
  return found
}

/** A VM that can go somewhere else, so that another one gets its room; the place that costs least. */
function wayRound(placement: Placement, left: readonly number[], goal: Int32Array): Step | undefined {
  let best = Infinity
  let found: Step | undefined
  for (const vm of left) {
    const from = indexAt(placement.hostOf, vm)
    for (let to = 0; to < placement.problem.hosts.length; to += 1) {
      if (to === from || to === indexAt(goal, vm) || !placement.allows(vm, to)) continue
      const delta = placement.delta(vm, to)
      if (delta >= best) continue
      placement.move(vm, to)
      const helps = left.some((other) => other !== vm && placement.allows(other, indexAt(goal, other)))
      placement.move(vm, from)
      if (helps) [best, found] = [delta, { vm, from, to }]
    }
  }
  return found
}
