import type { FailureCard } from '../../planner/live/failure-card.js'
import type { BeforeAfter, HostFill, Plan, PlannedMove } from '../../planner/live/plan.js'
import type { KeptMove, KeptPlan } from '../../plans/kept-plan.js'
import type { FailureCardView, KeptPlanView, PlannedMoveView, PlanView } from '../plan-views.js'

export function planView({ leastGain: _leastGain, ...plan }: Plan): PlanView {
  return {
    ...plan,
    moves: plan.moves.map(moveView),
    hosts: plan.hosts.map(both),
    findings: [...plan.findings],
    cannot: plan.cannot.map((one) => ({ ...one, why: [...one.why] })),
    copies: [...plan.copies],
    conflict: [...plan.conflict],
  }
}

export function moveView(move: PlannedMove): PlannedMoveView {
  return { ...move, source: both(move.source), target: both(move.target) }
}

export function failureCardView(card: FailureCard): FailureCardView {
  return {
    ...card,
    restarts: [...card.restarts],
    lost: [...card.lost],
    stranded: card.stranded.map((one) => ({ ...one, why: [...one.why] })),
    bends: [...card.bends],
  }
}

export function keptPlanView({ approved, endedAt, moves, ...rest }: KeptPlan): KeptPlanView {
  return {
    ...rest,
    ...(approved !== undefined && { approved: { name: approved.name, at: approved.at } }),
    ...(endedAt !== undefined && { endedAt }),
    moves: moves.map(keptMoveView),
  }
}

function keptMoveView({
  commandId: _id,
  missedAt: _missedAt,
  commandNumber,
  begunAt,
  endedAt,
  observed,
  ...move
}: KeptMove): KeptPlanView['moves'][number] {
  return {
    ...moveView(move),
    state: move.state,
    ...(commandNumber !== undefined && { commandNumber }),
    ...(begunAt !== undefined && { begunAt }),
    ...(endedAt !== undefined && { endedAt }),
    ...(observed !== undefined && {
      observed: {
        durationMs: observed.durationMs,
        hit: observed.hit,
        ...(observed.sourceMemoryBytes !== undefined && { sourceMemoryBytes: observed.sourceMemoryBytes }),
        ...(observed.targetMemoryBytes !== undefined && { targetMemoryBytes: observed.targetMemoryBytes }),
      },
    }),
  }
}

function both({ before, after }: BeforeAfter): PlanView['hosts'][number] {
  return { before: fill(before), after: fill(after) }
}

function fill({ cores, coresMost, ...rest }: HostFill): PlanView['hosts'][number]['before'] {
  return { ...rest, ...(cores !== undefined && { cores }), ...(coresMost !== undefined && { coresMost }) }
}
