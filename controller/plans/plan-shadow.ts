import type { Log } from '../../common/log.js'
import type { FleetLook } from '../fleet-look.js'
import type { Plan } from '../planner/live/plan.js'
import type { StateStore } from '../store/state-store.js'
import { automaticActor, automaticMoves } from './automatic.js'
import { hitRate } from './kept-plan.js'
import type { PlanDesk } from './plan-desk.js'
import type { Planning } from './planning.js'

interface Options {
  readonly state: StateStore
  readonly planning: Pick<Planning, 'plan'>
  readonly plans: Pick<PlanDesk, 'list' | 'propose' | 'apply' | 'whyBusy'>
  readonly look: Pick<FleetLook, 'current'>
  readonly now: () => number
  readonly utcOffsetMinutes: () => number
  readonly log: Log
}

/** What plans would have done in a week, though nobody asked. */
export interface WeekDigest {
  /** Monday, 00:00 UTC, milliseconds since the epoch. */
  readonly from: number
  readonly looks: number
  /** Looks that found moves. */
  readonly withMoves: number
  /** `vm host`, in how many looks; the first 200. */
  readonly moves: Readonly<Record<string, number>>
}

export interface ShadowState {
  /** Looks in a row that found the same first move. */
  readonly held: number
  readonly firstMove: string
  /** What the last look found. */
  readonly says: string
  /** Why nothing of it was done without anybody's word; empty: it was. */
  readonly why: string
  readonly at: number
  /** Newest first. */
  readonly weeks: readonly WeekDigest[]
}

const lookEveryMs = 15 * 60_000
const weekMs = 7 * 86_400_000
/** From the epoch, a Thursday, to the first Monday. */
const mondayMs = 4 * 86_400_000
const mostWeeks = 12
const mostMoves = 200
const key = 'shadow'

/**
 * Looks each 15 minutes what a plan would move, from the first day on, and does nothing: a digest for each week says whether it would have been any good.
 * What a line of the policy makes automatic it lets go on, once enough looks in a row have found it.
 */
export class PlanShadow {
  #now: ShadowState
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined

  private constructor(
    private readonly options: Options,
    kept: ShadowState,
  ) {
    this.#now = kept
  }

  static async open(options: Options): Promise<PlanShadow> {
    const kept = await options.state.tx((t) => t.get('planShadow', key))
    return new PlanShadow(options, isShadowState(kept) ? kept : nothing)
  }

  start(): void {
    this.#timer = setInterval(() => void this.look(), lookEveryMs)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#looking
  }

  current(): ShadowState {
    return this.#now
  }

  /** One look; while one is under way the next is left out. */
  async look(): Promise<void> {
    if (this.#looking !== undefined) return this.#looking
    this.#looking = this.#once()
      .catch((error: unknown) => this.options.log.warn({ err: error }, 'no plan could be made to look at'))
      .finally(() => {
        this.#looking = undefined
      })
    return this.#looking
  }

  async #once(): Promise<void> {
    const { planning, plans, look, now, utcOffsetMinutes, state } = this.options
    const plan = await planning.plan({ kind: 'rebalance', seed: 1, effort: 1 })
    const seen = afterLook(this.#now, plan, now())
    const kept = plans.list()
    const may = automaticMoves(plan, {
      rules: look.current().policy.moves,
      held: seen.held,
      hits: hitRate(kept),
      stoppedPlan: kept.find(({ automatic, state: one }) => automatic && one === 'stopped')?.number,
      whyBusy: plans.whyBusy(),
      now: now(),
      utcOffsetMinutes: utcOffsetMinutes(),
    })
    const next = { ...seen, why: 'why' in may ? may.why : '' }
    await state.tx((t) => t.put('planShadow', key, next))
    this.#now = next
    if ('why' in may) return
    const { number } = await plans.propose({ ...plan, moves: may.moves }, automaticActor)
    await plans.apply(number, { name: automaticActor, role: 'operator', scope: undefined }, true)
  }
}

const nothing: ShadowState = { held: 0, firstMove: '', says: '', why: '', at: 0, weeks: [] }

/** What is known after one look more. Pure. */
export function afterLook(
  before: ShadowState,
  { moves, says }: Pick<Plan, 'moves' | 'says'>,
  now: number,
): ShadowState {
  const [first] = moves
  const firstMove = first === undefined ? '' : `${first.vmUuid} ${first.toHostId}`
  // Looks that are missing in between say nothing.
  const isInRow = firstMove === before.firstMove && Math.abs(now - before.at) <= 2 * lookEveryMs
  const held = firstMove === '' ? 0 : isInRow ? before.held + 1 : 1
  const from = Math.floor((now - mondayMs) / weekMs) * weekMs + mondayMs
  const [last] = before.weeks
  const isNew = last?.from !== from
  const week = isNew ? { from, looks: 0, withMoves: 0, moves: {} } : last
  const counts = new Map(Object.entries(week.moves))
  for (const { vm, to } of moves) {
    const name = `${vm} ${to}`
    if (counts.has(name) || counts.size < mostMoves) counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  const digest: WeekDigest = {
    from,
    looks: week.looks + 1,
    withMoves: week.withMoves + (moves.length > 0 ? 1 : 0),
    moves: Object.fromEntries(counts),
  }
  const weeks = [digest, ...before.weeks.slice(isNew ? 0 : 1)].slice(0, mostWeeks)
  return { held, firstMove, says, why: '', at: now, weeks }
}

/** Written by this program whole: its form is looked at. */
function isShadowState(value: unknown): value is ShadowState {
  return (
    typeof value === 'object' &&
    value !== null &&
    'held' in value &&
    typeof value.held === 'number' &&
    'weeks' in value &&
    Array.isArray(value.weeks)
  )
}
