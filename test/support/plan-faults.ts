import { Placement } from '../../controller/planner/placement.js'
import { rebalance } from '../../controller/planner/rebalance.js'
import { brokenRules, scoreByHand } from './plan-witness.js'
import { randomProblem } from './random-problem.js'

const options = { seed: 1, mostMoves: undefined, effort: 0.05, leastGain: 0.001 }

/** What is wrong with the plan of the random fleet of that seed: nothing is as it should be. */
export function planFaults(seed: number): string[] {
  const problem = randomProblem(seed)
  const plan = rebalance(problem, options)
  const faults = brokenRules(problem, plan.steps)
  const byHand = scoreByHand(problem, plan.hostOf)
  if (Math.abs(byHand - plan.scoreAfter) > 1e-6) faults.push(`score ${plan.scoreAfter}, by hand ${byHand}`)
  const beforeByHand = scoreByHand(problem, problem.start)
  if (Math.abs(beforeByHand - plan.scoreBefore) > 1e-6)
    faults.push(`score before ${plan.scoreBefore}, by hand ${beforeByHand}`)
  if (plan.scoreAfter > plan.scoreBefore) faults.push('it makes things worse')
  if (JSON.stringify(rebalance(randomProblem(seed), options)) !== JSON.stringify(plan))
    faults.push('another plan the second time')
  const again = rebalance({ ...problem, start: plan.hostOf }, options)
  if (again.steps.length > 0) faults.push(`planned again: ${again.steps.length} moves more`)
  return [...faults, ...deltaFaults(problem, plan.hostOf)]
}

/** What a move and a swap are said to change is what they change. */
function deltaFaults(problem: ReturnType<typeof randomProblem>, hostOf: Int32Array): string[] {
  const placement = new Placement({ ...problem, start: hostOf })
  const faults: string[] = []
  for (let vm = 0; vm < problem.vms.length; vm += 1) {
    const from = placement.hostOf[vm] ?? 0
    const to = (from + 1) % problem.hosts.length
    const said = placement.delta(vm, to)
    const before = placement.score
    placement.move(vm, to)
    if (Math.abs(placement.score - before - said) > 1e-6)
      faults.push(`a move of ${vm} to ${to} changed other than said`)
    placement.move(vm, from)
    const other = placement.vmsOf(to)[0]
    if (other === undefined) continue
    const saidOfSwap = placement.swapDelta(vm, other)
    placement.move(vm, to)
    placement.move(other, from)
    if (Math.abs(placement.score - before - saidOfSwap) > 1e-6)
      faults.push(`a swap of ${vm} and ${other} changed other than said`)
    placement.move(vm, from)
    placement.move(other, to)
  }
  return faults
}
