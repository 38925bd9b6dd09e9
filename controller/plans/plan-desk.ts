import { LimitedLog } from '../../common/limited-log.js'
import type { Log } from '../../common/log.js'
import type { ControllerAudit } from '../audit/controller-audit.js'
import { lesserRole, type Right } from '../access/caller.js'
import type { CommandDesk } from '../commands/command-desk.js'
import { isOver } from '../commands/command.js'
import type { Asker } from '../commands/permission.js'
import { planMove } from '../commands/plan-move.js'
import type { FleetLook } from '../fleet-look.js'
import type { Plan } from '../planner/live/plan.js'
import type { StateStore } from '../store/state-store.js'
import { automaticActor, whyNotNow } from './automatic.js'
import {
  afterCheck,
  nextStep,
  stopped,
  underWay,
  type Approved,
  type ApplyWorld,
  type KeptMove,
  type KeptPlan,
} from './kept-plan.js'
import type { Refusal } from '../planner/problem.js'
import type { Planning } from './planning.js'

interface Options {
  readonly state: StateStore
  readonly audit: ControllerAudit
  readonly planning: Pick<Planning, 'refusals'>
  readonly commands: Pick<CommandDesk, 'ask' | 'list' | 'maintenanceOf'>
  readonly look: Pick<FleetLook, 'current'>
  /** What somebody may now who let a plan go on; undefined: nothing any more. */
  readonly stillMay: (right: Right) => Pick<Asker, 'role' | 'scope'> | undefined
  readonly now: () => number
  readonly utcOffsetMinutes: () => number
  readonly log: Log
}

export type PlanOutcome =
  | { readonly status: 'done'; readonly plan: KeptPlan }
  | { readonly status: 'unknown' }
  /** It is not in a state for that, and why. */
  | { readonly status: 'not-now'; readonly why: string }

const tickEveryMs = 1000
const troubleLines = { most: 2, windowMs: 600_000, mostKeys: 4 } as const
const mostKept = 200
const byPolicy: Asker = { name: automaticActor, role: 'operator', scope: undefined }
/** A move that an agent does not begin within that is not begun. */
const startWithinMs = 120_000

/**
 * Owner of the plans that are kept: one is applied at a time, one move at a time. Each move is checked against the fleet as it then is, and the first
 * surprise stops the plan. Each change is durable before it counts; after a restart a plan goes on where it was.
 */
export class PlanDesk {
  readonly #plans: Map<number, KeptPlan>
  #turn: Promise<unknown> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined
  #isTicking = false
  #isStopped = false
  readonly #troubles: LimitedLog

  private constructor(
    private readonly options: Options,
    plans: readonly KeptPlan[],
  ) {
    this.#troubles = new LimitedLog(options.log, troubleLines)
    this.#plans = new Map(plans.map((plan) => [plan.number, plan]))
  }

  static async open(options: Options): Promise<PlanDesk> {
    const rows = await options.state.tx((t) => t.list('plans'))
    return new PlanDesk(
      options,
      rows.flatMap(({ value }) => (isKeptPlan(value) ? value : [])),
    )
  }

  start(): void {
    this.#timer = setInterval(() => void this.tick(), tickEveryMs)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#isStopped = true
    await this.#turn
  }

  /** Newest first. */
  list(): readonly KeptPlan[] {
    return [...this.#plans.values()].toSorted((a, b) => b.number - a.number)
  }

  find(number: number): KeptPlan | undefined {
    return this.#plans.get(number)
  }

  /** Keeps a plan as a proposal. Where too many are kept, the oldest that is over gives way. */
  propose(plan: Plan, by: string): Promise<KeptPlan> {
    return this.#inTurn(async () => {
      const { now } = this.options
      const kept: KeptPlan = {
        number: 1 + Math.max(0, ...this.#plans.keys()),
        kind: plan.kind,
        subject: plan.subject,
        says: plan.says,
        createdAt: now(),
        createdBy: by,
        state: 'proposed',
        reason: '',
        automatic: false,
        moves: plan.moves
          .filter(({ vmUuid }) => vmUuid !== '')
          .map((move): KeptMove => ({ ...move, state: 'waiting' })),
      }
      await this.#keep(kept, 'plan-proposed', by)
      return kept
    })
  }

  /** Why no plan can be let go on now; undefined: one can. @param number of a plan that does not count */
  whyBusy(number?: number): string | undefined {
    const others = this.list().filter((plan) => plan.number !== number)
    const applied = others.find(({ state }) => state === 'applying')
    if (applied !== undefined) return `plan ${applied.number} is applied already`
    const commands = this.options.commands.list()
    for (const plan of others) {
      const command = underWay(plan, commands)
      if (command !== undefined)
        return `a move of plan ${plan.number}, which is ${plan.state}, is under way: command ${command.number}`
    }
    return undefined
  }

  /** Lets a plan go on that is proposed or stopped: its next move is checked and asked for, by whoever says so. */
  apply(number: number, { name, role, tokenHash }: Asker & Right, automatic = false): Promise<PlanOutcome> {
    return this.#inTurn(async () => {
      const plan = this.#plans.get(number)
      if (plan === undefined) return { status: 'unknown' }
      if (plan.state !== 'proposed' && plan.state !== 'stopped')
        return { status: 'not-now', why: `plan ${number} is ${plan.state}` }
      const why = this.whyBusy(number)
      if (why !== undefined) return { status: 'not-now', why }
      const next: KeptPlan = {
        ...plan,
        state: 'applying',
        reason: '',
        approved: { name, role, at: this.options.now(), ...(tokenHash !== undefined && { tokenHash }) },
        automatic,
      }
      await this.#keep(next, 'plan-applied', name)
      return { status: 'done', plan: next }
    })
  }

  /** Stops a plan after the move that is under way, or gives up one that is not applied. */
  cancel(number: number, by: string): Promise<PlanOutcome> {
    return this.#inTurn(async () => {
      const plan = this.#plans.get(number)
      if (plan === undefined) return { status: 'unknown' }
      if (plan.state === 'done' || plan.state === 'cancelled')
        return { status: 'not-now', why: `plan ${number} is ${plan.state}` }
      const next: KeptPlan =
        plan.state === 'applying'
          ? stopped(plan, `by ${by}`)
          : { ...plan, state: 'cancelled', reason: `by ${by}`, endedAt: this.options.now() }
      await this.#keep(next, 'plan-stopped', by)
      return { status: 'done', plan: next }
    })
  }

  /** Plans that somebody let go on who may no more. */
  stopOf(actor: string, why: string): Promise<void> {
    return this.#inTurn(async () => {
      for (const plan of this.list()) {
        if (plan.state === 'applying' && plan.approved?.name === actor)
          await this.#keep(stopped(plan, why), 'plan-stopped', actor)
      }
    })
  }

  /** One look at the plan that is applied. Looks that would overlap are left out. */
  async tick(): Promise<void> {
    if (this.#isTicking) return
    this.#isTicking = true
    try {
      await this.#goOn()
    } catch (error) {
      // It is tried again at the next look: a planner that is busy has time then.
      this.#troubles.warn('go on', performance.now(), { err: error }, 'the plan that is applied could not go on')
    } finally {
      this.#isTicking = false
    }
  }

  /** The rules are asked between two turns: who stops the plan, or is removed, does not wait for the planner. */
  async #goOn(): Promise<void> {
    const due = await this.#inTurn(() => this.#toCheck())
    if (due === undefined) return
    const { plan, at, move } = due
    const why = this.#whyNot(plan, move)
    const refusals =
      why === undefined ? await this.options.planning.refusals(move.vmUuid, move.toHostId, plan.kind) : []
    await this.#inTurn(async () => {
      // Somebody has said something else meanwhile: it is looked at anew.
      if (this.#isStopped || this.#plans.get(plan.number) !== plan) return
      const checked = why === undefined ? await this.#checked(plan, at, move, refusals) : stopped(plan, why)
      await this.#keep(checked, eventOf(plan, checked))
    })
  }

  async #toCheck(): Promise<{ readonly plan: KeptPlan; readonly at: number; readonly move: KeptMove } | undefined> {
    const plan = this.list().find(({ state }) => state === 'applying')
    if (plan === undefined) return undefined
    const next = nextStep(plan, this.#world())
    if (next.step === 'change') await this.#keep(next.plan, eventOf(plan, next.plan))
    return next.step === 'check' ? { plan, at: next.at, move: next.move } : undefined
  }

  /** Why nobody lets that move go on now; undefined: somebody does. */
  #whyNot({ automatic, approved }: KeptPlan, { vm }: Pick<KeptMove, 'vm'>): string | undefined {
    const { look, now, utcOffsetMinutes } = this.options
    if (automatic) {
      const rules = look.current().policy.moves
      return whyNotNow(vm, { rules, now: now(), utcOffsetMinutes: utcOffsetMinutes() })
    }
    if (approved === undefined) return 'nobody has let it go on'
    return this.#askerOf(approved) === undefined ? `${approved.name}, who let it go on, may no more` : undefined
  }

  /** As what that one asks now: never as more than when the plan was let go on. */
  #askerOf(approved: Approved): Asker | undefined {
    const { name, role } = approved
    const may = this.options.stillMay(approved)
    return may && { name, role: lesserRole(role, may.role), scope: may.scope }
  }

  #world(): ApplyWorld {
    const { look, commands, now } = this.options
    const { snapshot, capacity } = look.current()
    return {
      snapshot,
      commands: commands.list(),
      configuredBytes: (hostId) => capacity.hosts.find(({ host }) => host.id === hostId)?.ledger.configuredBytes,
      now: now(),
    }
  }

  /** What the rules said and the fleet as it is now, and then the command, asked for by who let the plan go on. */
  async #checked(plan: KeptPlan, at: number, move: KeptMove, refusals: readonly Refusal[]): Promise<KeptPlan> {
    const { commands, look, now } = this.options
    if (refusals.length > 0) return afterCheck(plan, at, { refusals }, now())
    if (move.by === 'person') return afterCheck(plan, at, { byPerson: true }, now())
    const vm = look.current().snapshot.vms.get(move.vmUuid)
    const { approved } = plan
    if (vm === undefined || approved === undefined) return stopped(plan, `${move.vm} is gone`)
    // Looked at once more: the rules took their time.
    const why = this.#whyNot(plan, move)
    if (why !== undefined) return stopped(plan, why)
    // It was asked for before a restart, and that was not written down any more.
    const open = commands.list().find((one) => {
      const isSame = one.verb === 'migrate' && one.vmUuid === vm.uuid && one.move?.toHostId === move.toHostId
      return isSame && !one.dryRun && !isOver(one) && one.actor === approved.name
    })
    if (open !== undefined) return afterCheck(plan, at, { command: open }, now())
    const asked = { verb: 'migrate', args: { to: move.to } }
    const planned = (): ReturnType<typeof planMove> => {
      const { snapshot: fleet, capacity } = look.current()
      return planMove(asked, vm, {
        snapshot: fleet,
        balanceOf: (hostId) => capacity.hosts.find(({ host }) => host.id === hostId)?.ledger.balance,
        maintenanceOf: (hostId) => commands.maintenanceOf(hostId),
        commands: commands.list(),
      })
    }
    const asker = plan.automatic ? byPolicy : this.#askerOf(approved)
    if (asker === undefined) return stopped(plan, `${approved.name}, who let it go on, may no more`)
    const command = await commands.ask({ ...asked, vm, planned, dryRun: false, asker, startWithinMs })
    return afterCheck(plan, at, { command }, now())
  }

  async #keep(plan: KeptPlan, event: string | undefined, actor = plan.approved?.name ?? plan.createdBy): Promise<void> {
    const { state, audit, now } = this.options
    const commands = this.options.commands.list()
    const over = this.list().filter((one) => one.state !== 'applying' && underWay(one, commands) === undefined)
    const dropped = this.#plans.size >= mostKept && !this.#plans.has(plan.number) ? over.at(-1) : undefined
    const entry = await state.tx(async (t) => {
      await t.put('plans', keyOf(plan.number), plan)
      if (dropped !== undefined) await t.delete('plans', keyOf(dropped.number))
      if (event === undefined) return undefined
      const { number, kind, reason } = plan
      return audit.append(t, now(), { event, plan: number, kind, actor, reason })
    })
    entry?.keep()
    if (dropped !== undefined) this.#plans.delete(dropped.number)
    this.#plans.set(plan.number, plan)
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => undefined)
    return turn
  }
}

function eventOf(before: KeptPlan, after: KeptPlan): string | undefined {
  if (before.state === after.state) return undefined
  return after.state === 'done' ? 'plan-done' : after.state === 'stopped' ? 'plan-stopped' : undefined
}

/** Ascending as the numbers are. */
function keyOf(number: number): string {
  return String(number).padStart(12, '0')
}

/** Written by this program whole: its form is looked at. */
function isKeptPlan(value: unknown): value is KeptPlan {
  return (
    typeof value === 'object' &&
    value !== null &&
    'number' in value &&
    typeof value.number === 'number' &&
    'state' in value &&
    typeof value.state === 'string' &&
    'moves' in value &&
    Array.isArray(value.moves)
  )
}
