import type { FleetFacts, NewVm } from '../planner/live/facts.js'
import { failureCard, type FailureCard } from '../planner/live/failure-card.js'
import { planDrain, planPlace, planReturn } from '../planner/live/plan-drain.js'
import { planRebalance, type RebalanceAsked } from '../planner/live/plan-rebalance.js'
import type { Plan } from '../planner/live/plan.js'

/** What is asked of the planner. */
export type PlanAsked =
  | ({ readonly kind: 'rebalance' } & RebalanceAsked)
  | { readonly kind: 'drain' | 'return'; readonly hostId: string }
  | { readonly kind: 'place'; readonly newVm: NewVm }

export type PlanTask = {
  readonly facts: FleetFacts
} & ({ readonly plan: PlanAsked } | { readonly card: { readonly hostId: string } })

/** The plan or card of a task. Pure, and slow: seconds for a large fleet. */
export function madePlan(task: PlanTask): Plan | FailureCard {
  if ('card' in task) return failureCard(task.facts, task.card.hostId)
  const { facts, plan } = task
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
