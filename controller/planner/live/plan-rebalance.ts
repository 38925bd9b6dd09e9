import type { Step } from '../order-moves.js'
import { Placement } from '../placement.js'
import { rebalance } from '../rebalance.js'
import { leastGainOf, stepsWithinCaps } from '../within-caps.js'
import { explainMoves, fillsOf } from './explain-moves.js'
import type { FleetFacts } from './facts.js'
import { allKinds, liveKinds } from './facts.js'
import { findingFates } from './finding-fates.js'
import { liveProblem, type LiveProblem } from './live-problem.js'
import type { LoadBasis, Plan } from './plan.js'
import { cannotOf, wouldHelp } from './refused.js'

export interface RebalanceAsked {
  readonly seed: number
  readonly effort: number
  /** In place of the policy's. */
  readonly mostMoves?: number | undefined
  /** With moves for which a VM has to be off, and that a person does. */
  readonly withCold?: boolean | undefined
}

/** Moves that make the hosts of a fleet alike and mend what its rules find; empty if they gain less than the policy wants. */
export function planRebalance(facts: FleetFacts, { seed, effort, mostMoves, withCold = false }: RebalanceAsked): Plan {
  const live = liveProblem(facts, { kinds: withCold ? allKinds : liveKinds })
  const { problem } = live
  const { moves: rules } = facts.policy
  const leastGain = leastGainOf(problem, rules.minGain)
  const found = rebalance(problem, { seed, effort, mostMoves: mostMoves ?? rules.mostPerPlan, leastGain })
  const { steps, isCut } = stepsWithinCaps(problem, found.steps, { ...rules, leastGain }, (vm) => [
    ...new Set((live.movers[vm]?.reach ?? []).map(({ arrayKey }) => arrayKey)),
  ])
  const capped = found.capped || isCut
  const plan = planOf(live, steps, { kind: 'rebalance', subject: '', complete: true, capped, says: '', leastGain })
  return { ...plan, says: saysOf(plan) }
}

function saysOf({ moves, capped, findings }: Plan): string {
  if (moves.length === 0)
    return capped
      ? 'nothing to move: no plan within the caps of the policy gains enough'
      : 'nothing to move: no plan gains enough'
  const mended = findings.filter(({ fate }) => fate === 'mended').length
  const more = capped ? '; more would be gained with more moves than the policy allows' : ''
  return `${moves.length} move${moves.length === 1 ? '' : 's'}${mended === 0 ? '' : `, which mend${moves.length === 1 ? 's' : ''} ${mended} finding${mended === 1 ? '' : 's'}`}${more}`
}

/** A plan with all that is told of it. */
export function planOf(
  live: LiveProblem,
  steps: readonly Step[],
  head: Pick<Plan, 'kind' | 'subject' | 'complete' | 'capped' | 'says'> &
    Partial<Pick<Plan, 'cannot' | 'conflict' | 'copies' | 'leastGain'>>,
): Plan {
  const { problem, facts, movers } = live
  const end = Int32Array.from(problem.start)
  for (const { vm, to } of steps) end[vm] = to
  const moves = explainMoves(live, steps)
  const cannot = head.cannot ?? cannotOf(live, end, wouldHelp(live, end))
  const there = moves.filter(({ vmUuid }) => vmUuid !== '')
  return {
    conflict: [],
    copies: [],
    leastGain: 0,
    ...head,
    at: facts.snapshot.at,
    scoreBefore: new Placement(problem).score,
    scoreAfter: new Placement({ ...problem, start: end }).score,
    moves,
    hosts: fillsOf(live, problem.start, end),
    // Whoever empties a host wants to know what that changes.
    findings: findingFates(facts.snapshot, facts.policy, there, cannot).filter(
      ({ fate }) => head.kind === 'rebalance' || fate !== 'stays',
    ),
    cannot,
    basis: basisOf(movers, live.countsCpu),
  }
}

function basisOf(movers: LiveProblem['movers'], countsCpu: boolean): LoadBasis {
  const of = (basis: string): number => movers.filter(({ active, loadBasis }) => active && loadBasis === basis).length
  return { history: of('history'), sample: of('sample'), none: of('none'), countsCpu }
}
