import { indexAt } from '../number-at.js'
import type { Step } from '../order-moves.js'
import { Placement } from '../placement.js'
import { rebalance } from '../rebalance.js'
import { bestBeginning } from '../best-beginning.js'
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

/** Below this share of evenness a plan is not worth a line. */
const leastScore = 0.001

/** Moves that make the hosts of a fleet alike and mend what its rules find; empty if they gain less than the policy wants. */
export function planRebalance(facts: FleetFacts, { seed, effort, mostMoves, withCold = false }: RebalanceAsked): Plan {
  const live = liveProblem(facts, { kinds: withCold ? allKinds : liveKinds })
  const { problem } = live
  const { moves: rules } = facts.policy
  const leastGain = Math.max(leastScore, rules.minGain * new Placement(problem).balance)
  const found = rebalance(problem, { seed, effort, mostMoves: mostMoves ?? rules.mostPerPlan, leastGain })
  const cut = withinCaps(live, found.steps)
  // What is left may be the way round of a move that is not there any more.
  const { steps, isCut } = cut.isCut ? { steps: worthTheirCost(live, cut.steps, leastGain), isCut: true } : cut
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

/** The steps that the policy's caps of hosts and arrays let through; one that needs another which is left out is left out too. */
function withinCaps(live: LiveProblem, steps: readonly Step[]): { readonly steps: Step[]; readonly isCut: boolean } {
  const { problem, movers, facts } = live
  const { mostPerHost, mostPerArray } = facts.policy.moves
  const ofHost = new Map<number, number>()
  const ofArray = new Map<string, number>()
  const placement = new Placement(problem)
  const kept: Step[] = []
  for (const step of steps) {
    const { vm, from, to } = step
    const arrays = [...new Set((movers[vm]?.reach ?? []).map(({ arrayKey }) => arrayKey))]
    const isFull =
      [from, to].some((host) => (ofHost.get(host) ?? 0) >= mostPerHost) ||
      arrays.some((key) => (ofArray.get(key) ?? 0) >= mostPerArray)
    if (isFull || indexAt(placement.hostOf, vm) !== from || !placement.allows(vm, to)) continue
    placement.move(vm, to)
    kept.push(step)
    for (const host of [from, to]) ofHost.set(host, (ofHost.get(host) ?? 0) + 1)
    for (const key of arrays) ofArray.set(key, (ofArray.get(key) ?? 0) + 1)
  }
  return { steps: kept, isCut: kept.length < steps.length }
}

/** Those steps from the first on that gain most together, their costs taken off; none if that is not above `leastGain`. */
function worthTheirCost({ problem }: LiveProblem, steps: readonly Step[], leastGain: number): readonly Step[] {
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
