import { isOpen, localTime } from '../../common/allow-rules.js'
import { patternTest } from '../../common/pattern.js'
import type { MoveRules } from '../model/policy.js'
import { bestBeginning } from '../planner/best-beginning.js'
import type { Plan } from '../planner/live/plan.js'

/** Who asks for what a line of the policy makes automatic: no name that a person or token can have. */
export const automaticActor = 'policy:moves'

/** With fewer moves than this nothing is said of how good plans are. */
const leastSeen = 5
const leastHitRate = 0.8

/** What an automatic plan would be made from. */
export interface AutomaticFacts {
  readonly rules: Pick<MoveRules, 'automatic' | 'holdRounds'>
  /** Looks in a row that found the same first move. */
  readonly held: number
  readonly hits: { readonly moves: number; readonly rate: number }
  /** Why no plan can begin now; undefined: one can. */
  readonly whyBusy: string | undefined
  /** The number of the last plan that began by itself, if it stopped: a person resumes it or gives it up. */
  readonly stoppedPlan: number | undefined
  readonly now: number
  readonly utcOffsetMinutes: number
}

/**
 * The moves that may be done without anybody's word: those from the first on that a line of the policy names, now, as far as they are worth it
 * without the others; or why none may. Pure.
 */
export function automaticMoves(
  { moves, leastGain }: Pick<Plan, 'moves' | 'leastGain'>,
  facts: AutomaticFacts,
): { readonly moves: Plan['moves'] } | { readonly why: string } {
  const { rules, held, hits, whyBusy } = facts
  if (rules.automatic.length === 0) return { why: 'no line of the policy makes moves automatic' }
  if (moves.length === 0) return { why: 'there is nothing to move' }
  if (hits.moves >= leastSeen && hits.rate < leastHitRate)
    return {
      why: `automation has stopped itself: ${Math.round(hits.rate * hits.moves)} of the last ${hits.moves} moves came as foretold`,
    }
  if (facts.stoppedPlan !== undefined)
    return { why: `plan ${facts.stoppedPlan}, which began by itself, has stopped: a person has to look at it` }
  if (whyBusy !== undefined) return { why: whyBusy }
  if (held < rules.holdRounds) return { why: `found in ${held} of ${rules.holdRounds} looks in a row` }
  const end = moves.findIndex(({ vm, by }) => by !== 'command' || whyNotNow(vm, facts) !== undefined)
  const may = end === -1 ? moves : moves.slice(0, end)
  const [first] = moves
  if (may.length === moves.length || first === undefined) return { moves }
  if (may.length > 0) {
    const worth = bestBeginning(may, gainedBy(may), leastGain)
    return worth.length > 0
      ? { moves: worth }
      : { why: `${inNumber(may)} may be done without a person, which gains too little` }
  }
  return { why: first.by === 'person' ? `${first.vm} has to be moved by hand` : (whyNotNow(first.vm, facts) ?? '') }
}

function gainedBy(moves: Plan['moves']): number[] {
  let sum = 0
  return moves.map(({ gain, cost }) => (sum += gain - cost))
}

function inNumber(moves: Plan['moves']): string {
  return moves.length === 1 ? 'only its first move' : `only the first ${moves.length} moves`
}

/** Why a VM may not be moved without anybody's word now; undefined: it may. */
export function whyNotNow(
  vm: string,
  { rules, now, utcOffsetMinutes }: Pick<AutomaticFacts, 'rules' | 'now' | 'utcOffsetMinutes'>,
): string | undefined {
  const lines = rules.automatic.filter(({ vms }) => vms.some((pattern) => patternTest(pattern)(vm)))
  if (lines.length === 0) return `no line of the policy makes moves of ${vm} automatic`
  const at = localTime(now, utcOffsetMinutes)
  return lines.some(({ window }) => isOpen(window, at)) ? undefined : `the window for ${vm} is closed`
}
