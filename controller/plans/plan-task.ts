import type { FleetFacts, NewVm } from '../planner/live/facts.js'
import { failureCard, type FailureCard } from '../planner/live/failure-card.js'
import { planDrain, planPlace, planReturn } from '../planner/live/plan-drain.js'
import { planRebalance, type RebalanceAsked } from '../planner/live/plan-rebalance.js'
import type { Plan } from '../planner/live/plan.js'
import { moveRefusals } from '../planner/live/check-move.js'
import type { Refusal } from '../planner/problem.js'

/** What is asked of the planner. */
export type PlanAsked =
  | ({ readonly kind: 'rebalance' } & RebalanceAsked)
  | { readonly kind: 'drain' | 'return'; readonly hostId: string }
  | { readonly kind: 'place'; readonly newVm: NewVm }

export type TaskAsked =
  | { readonly plan: PlanAsked }
  | { readonly card: { readonly hostId: string } }
  | { readonly check: { readonly vmUuid: string; readonly toHostId: string; readonly kind: Plan['kind'] } }

export type PlanTask = { readonly facts: FleetFacts } & TaskAsked

export type PlanAnswer =
  | { readonly plan: Plan }
  | { readonly card: FailureCard }
  | { readonly refusals: readonly Refusal[] }

/** What a task asks for. Pure, and slow: seconds for a large fleet. */
export function answerOf(task: PlanTask): PlanAnswer {
  if ('card' in task) return { card: failureCard(task.facts, task.card.hostId) }
  if ('plan' in task) return { plan: planOf(task.facts, task.plan) }
  const { vmUuid, toHostId, kind } = task.check
  return { refusals: moveRefusals(task.facts, vmUuid, toHostId, kind) }
}

function planOf(facts: FleetFacts, plan: PlanAsked): Plan {
  switch (plan.kind) {
    case 'rebalance':
      return planRebalance(facts, plan)
    case 'drain':
      return planDrain(facts, plan.hostId)
    case 'return':
      return planReturn(facts, plan.hostId)
    case 'place':
      return planPlace(facts, plan.newVm)
  }
}
