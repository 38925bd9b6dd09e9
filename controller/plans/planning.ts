import { Worker } from 'node:worker_threads'

import type { CommandDesk } from '../commands/command-desk.js'
import { maintenanceText } from '../commands/maintenance.js'
import type { FleetLook } from '../fleet-look.js'
import { takesVms } from '../model/snapshot.js'
import type { FleetFacts } from '../planner/live/facts.js'
import type { FailureCard } from '../planner/live/failure-card.js'
import type { Plan } from '../planner/live/plan.js'
import type { Refusal } from '../planner/problem.js'
import type { LoadHistory } from './load-history.js'
import { pastMoves } from './past-commands.js'
import type { PlanAnswer, PlanAsked, PlanTask, TaskAsked } from './plan-task.js'

interface Options {
  readonly look: Pick<FleetLook, 'current'>
  readonly commands: Pick<CommandDesk, 'list' | 'maintenanceOf'>
  readonly history: Pick<LoadHistory, 'of'>
  readonly now: () => number
}

/** Thrown where as many plans as may wait are waiting. */
export class PlannerBusy extends Error {
  override readonly name = 'PlannerBusy'
}

/** Thrown where a plan takes longer than it may, or its thread ended. */
export class PlanFailed extends Error {
  override readonly name = 'PlanFailed'
}

const withinMs = 60_000
const historyWithinMs = 5000
const mostWaiting = 8

/** Those that wait, one after the other. */
interface Line {
  last: Promise<unknown>
  waiting: number
}

/**
 * Makes plans of the fleet as it is: each in a thread of its own, one after the other, so that nothing else waits for them. The checks of a plan that
 * is applied have a line of their own: whoever asks for plans does not hold it up.
 */
export class Planning {
  readonly #plans: Line = { last: Promise.resolve(), waiting: 0 }
  readonly #checks: Line = { last: Promise.resolve(), waiting: 0 }

  constructor(private readonly options: Options) {}

  /** @throws PlannerBusy, PlanFailed, whatever the store throws */
  async plan(asked: PlanAsked): Promise<Plan> {
    const answer = await inTurn(this.#plans, () => this.#task({ plan: asked }))
    if (!('plan' in answer)) throw new PlanFailed('something else came in place of a plan')
    return answer.plan
  }

  /** @throws PlannerBusy, PlanFailed, whatever the store throws */
  async card(hostId: string): Promise<FailureCard> {
    const answer = await inTurn(this.#plans, () => this.#task({ card: { hostId } }))
    if (!('card' in answer)) throw new PlanFailed('something else came in place of a card')
    return answer.card
  }

  /**
   * Every rule that keeps a VM from a host now.
   * @throws PlannerBusy, PlanFailed, whatever the store throws
   */
  async refusals(vmUuid: string, toHostId: string, kind: Plan['kind']): Promise<readonly Refusal[]> {
    const answer = await inTurn(this.#checks, () => this.#task({ check: { vmUuid, toHostId, kind } }))
    if (!('refusals' in answer)) throw new PlanFailed('something else came in place of a check')
    return answer.refusals
  }

  /** What plans are made from now. Load of the past is that which is read already, or soon. */
  async facts(): Promise<FleetFacts> {
    const { look, commands, history, now } = this.options
    const loads = await history.of(look.current().snapshot.vms.keys(), historyWithinMs)
    const { snapshot, policy } = look.current()
    const maintenance = new Map<string, string>()
    for (const host of snapshot.hosts.values()) {
      const set = takesVms(host) ? commands.maintenanceOf(host.id) : undefined
      if (set !== undefined) maintenance.set(host.id, maintenanceText(set).replace(/^its host/, 'it'))
    }
    return { snapshot, policy, history: loads, maintenance, past: pastMoves(commands.list()), now: now() }
  }

  async #task(asked: TaskAsked): Promise<PlanTask> {
    return { facts: await this.facts(), ...asked }
  }
}

/** @throws PlannerBusy, PlanFailed, whatever the store throws */
async function inTurn(line: Line, task: () => Promise<PlanTask>): Promise<PlanAnswer> {
  if (line.waiting >= mostWaiting) throw new PlannerBusy(`${mostWaiting} plans wait to be made already`)
  line.waiting += 1
  const turn = line.last.then(async () => planApart(await task()))
  line.last = turn.catch(() => undefined)
  try {
    return await turn
  } finally {
    line.waiting -= 1
  }
}

async function planApart(task: PlanTask): Promise<PlanAnswer> {
  const fromSource = import.meta.url.endsWith('.ts')
  const url = new URL(fromSource ? './plan-worker-from-source.mjs' : './plan-worker.js', import.meta.url)
  const worker = new Worker(url, { workerData: task })
  let timer: NodeJS.Timeout | undefined
  try {
    return await new Promise<PlanAnswer>((resolve, reject) => {
      timer = setTimeout(() => reject(new PlanFailed(`no plan within ${withinMs / 1000} s`)), withinMs)
      worker.once('message', resolve)
      worker.once('error', (error) => reject(new PlanFailed(error instanceof Error ? error.message : String(error))))
      worker.once('exit', () => reject(new PlanFailed('the thread that plans ended without a plan')))
    })
  } finally {
    clearTimeout(timer)
    await worker.terminate()
  }
}
