import { z } from 'zod'

import type { FleetLook } from '../../fleet-look.js'
import type { KeptPlan } from '../../plans/kept-plan.js'
import type { PlanDesk, PlanOutcome } from '../../plans/plan-desk.js'
import type { Planning } from '../../plans/planning.js'
import type { ApiApp } from '../app.js'
import { ApiError } from '../errors.js'
import { callerOf } from '../guard.js'
import { findByIdOrName } from '../lookup.js'
import { keptPlanView } from '../plan-views.js'
import { keptPlanView as toView } from '../to-view/plan-view.js'
import { answers } from './answers.js'
import type { PlanAsks } from './plan-asks.js'

interface Parts {
  readonly planning: Planning
  readonly plans: PlanDesk
  readonly look: Pick<FleetLook, 'current'>
  readonly asks: PlanAsks
}

const newPlan = z.strictObject({
  kind: z.enum(['rebalance', 'drain', 'return']),
  host: z.string().min(1).max(300).optional().describe('id or name; of drain and return'),
  maxMoves: z.int().min(1).max(10_000).optional(),
  withCold: z.boolean().default(false),
})

const params = z.strictObject({ number: z.coerce.number().int().min(1).max(1e12) })

/** Plans that are kept, to be applied. */
export function addKeptPlanRoutes(app: ApiApp, { planning, plans, look, asks }: Parts): void {
  const hostIdOf = (idOrName: string | undefined): string => {
    if (idOrName !== undefined)
      return findByIdOrName('host', 'host-unknown', look.current().snapshot.hosts, idOrName).id
    throw new ApiError('request-invalid', 'host: expected the id or name of a host, got nothing', {
      field: 'host',
      expected: 'the id or name of a host',
      got: 'nothing',
    })
  }
  app.post(
    '/api/v1/plans',
    {
      config: { access: 'operator' },
      schema: { summary: 'Makes a plan and keeps it, to be applied', body: newPlan, response: answers(keptPlanView) },
    },
    async (request) => {
      const { kind, host, maxMoves, withCold } = request.body
      const { name } = callerOf(request)
      const asked =
        kind === 'rebalance'
          ? ({ kind, seed: 1, effort: 1, mostMoves: maxMoves, withCold } as const)
          : { kind, hostId: hostIdOf(host) }
      const plan = await asks.made(name, () => planning.plan(asked))
      if (plan.moves.length === 0) throw new ApiError('plan-empty', plan.says)
      return toView(await plans.propose(plan, name))
    },
  )
  app.get(
    '/api/v1/plans',
    {
      schema: {
        summary: 'Plans that are kept, the newest first',
        response: answers(z.object({ plans: z.array(keptPlanView) })),
      },
    },
    () => ({ plans: plans.list().slice(0, 50).map(toView) }),
  )
  app.get(
    '/api/v1/plans/:number',
    { schema: { summary: 'One plan, and how far it is', params, response: answers(keptPlanView) } },
    (request) => toView(known(plans.find(request.params.number), request.params.number)),
  )
  app.post(
    '/api/v1/plans/:number/apply',
    {
      config: { access: 'operator' },
      schema: {
        summary: 'Lets a plan go on that is proposed or stopped: each move is checked again and asked for as a command',
        params,
        response: answers(keptPlanView),
      },
    },
    async (request) => {
      const { number } = request.params
      return toView(outcome(await plans.apply(number, callerOf(request)), number))
    },
  )
  app.post(
    '/api/v1/plans/:number/stop',
    {
      config: { access: 'operator' },
      schema: {
        summary: 'Stops a plan after the move that is under way; gives up one that is not applied',
        params,
        response: answers(keptPlanView),
      },
    },
    async (request) => {
      const { number } = request.params
      return toView(outcome(await plans.cancel(number, callerOf(request).name), number))
    },
  )
}

function known(plan: KeptPlan | undefined, number: number): KeptPlan {
  if (plan !== undefined) return plan
  throw new ApiError('plan-unknown', `no plan has the number ${number}`)
}

function outcome(answer: PlanOutcome, number: number): KeptPlan {
  switch (answer.status) {
    case 'done':
      return answer.plan
    case 'unknown':
      return known(undefined, number)
    case 'not-now':
      throw new ApiError('plan-not-now', answer.why)
  }
}
