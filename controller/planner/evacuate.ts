import { SeededRandom } from '../../common/seeded-random.js'
import { indexAt } from './number-at.js'
import { orderAsFar, type Step } from './order-moves.js'
import { Placement } from './placement.js'
import type { Problem } from './problem.js'
import { search } from './search.js'

export interface Evacuated {
  /** In order: each may be done when its turn comes. Others than those of the host may move too, to make room. */
  readonly steps: readonly Step[]
  /** VMs for which no way was found. */
  readonly left: readonly number[]
}

export interface EvacuateEffort {
  readonly seed: number
  /** Of the local search of each round. */
  readonly tries: number
  /** Searches, each with another seed: a way that one misses another may find. */
  readonly rounds?: number
}

/**
 * Empties a host, whose `strandedPenalty` has to say so: what stays there costs more than any unevenness. VMs that are there on purpose
 * (`excepted`) may stay. The same for the same input and seed.
 */
export function evacuate(problem: Problem, host: number, { seed, tries, rounds = 3 }: EvacuateEffort): Evacuated {
  let best: (Evacuated & { readonly score: number }) | undefined
  for (let round = 0; round < rounds; round += 1) {
    const found = attempt(problem, host, SeededRandom.of(seed, `evacuate ${round}`), tries)
    const isBetter =
      best === undefined ||
      found.left.length < best.left.length ||
      (found.left.length === best.left.length && found.score < best.score)
    if (isBetter) best = found
    if (best?.left.length === 0) break
  }
  return { steps: best?.steps ?? [], left: best?.left ?? [] }
}

function attempt(
  problem: Problem,
  host: number,
  random: SeededRandom,
  tries: number,
): Evacuated & { readonly score: number } {
  const placement = new Placement(problem)
  search(placement, { random, mostMoved: problem.vms.length, tries })
  const ordered = orderAsFar(problem, onlyNeeded(problem, placement.hostOf, host)).steps
  const steps = withoutIdle(problem, [...ordered, ...straightOut(problem, ordered, host)], host)
  const end = new Placement(problem)
  for (const { vm, to } of steps) end.move(vm, to)
  const left = end.vmsOf(host).filter((vm) => problem.excepted[vm] !== 1)
  const costs = steps.reduce((sum, { vm, to }) => {
    const kind = end.kind(vm, to)
    return sum + (kind === undefined ? 0 : problem.moveCost(vm, kind))
  }, 0)
  return { steps, left: left.toSorted((a, b) => a - b), score: end.score + costs }
}

/** Sends home whoever moved for evenness alone, as long as all that has to go has a place. */
function onlyNeeded(problem: Problem, hostOf: Int32Array, host: number): Int32Array {
  const goal = Int32Array.from(hostOf)
  const placement = new Placement({ ...problem, start: hostOf })
  for (let vm = 0; vm < goal.length; vm += 1) {
    const home = indexAt(problem.start, vm)
    if (home === host || home === indexAt(goal, vm) || !placement.allows(vm, home)) continue
    placement.move(vm, home)
    goal[vm] = home
  }
  return goal
}

/** Who is left there after those steps and can go somewhere at once: the largest first, each where it is best. */
function straightOut(problem: Problem, steps: readonly Step[], host: number): Step[] {
  const placement = new Placement(problem)
  for (const { vm, to } of steps) placement.move(vm, to)
  const size = (vm: number): number => problem.limits[0]?.use[vm] ?? 0
  const waiting = placement.vmsOf(host).filter((vm) => problem.excepted[vm] !== 1)
  const more: Step[] = []
  for (const vm of waiting.toSorted((a, b) => size(b) - size(a) || a - b)) {
    let best = Infinity
    let goal: number | undefined
    for (let to = 0; to < problem.hosts.length; to += 1) {
      if (to === host || !placement.allows(vm, to) || placement.delta(vm, to) >= best) continue
      best = placement.delta(vm, to)
      goal = to
    }
    if (goal === undefined) continue
    more.push({ vm, from: host, to: goal })
    placement.move(vm, goal)
  }
  return more
}

/** Without the steps of other VMs that nothing needs: all that is left can be done in its order. */
function withoutIdle(problem: Problem, steps: readonly Step[], host: number): readonly Step[] {
  let kept = steps
  const others = new Set(steps.map(({ vm }) => vm).filter((vm) => indexAt(problem.start, vm) !== host))
  for (const vm of [...others].reverse()) {
    const without = kept.filter((step) => step.vm !== vm)
    if (isAllowed(problem, without)) kept = without
  }
  return kept
}

/** Whether each step may be done when its turn comes. */
export function isAllowed(problem: Problem, steps: readonly Step[]): boolean {
  const placement = new Placement(problem)
  return steps.every(({ vm, from, to }) => {
    if (indexAt(placement.hostOf, vm) !== from || !placement.allows(vm, to)) return false
    placement.move(vm, to)
    return true
  })
}
