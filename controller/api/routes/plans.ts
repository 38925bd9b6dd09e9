import { z } from 'zod'

import { vmClasses } from '../../model/policy.js'
import { takesVms, type Host } from '../../model/snapshot.js'
import { hitRate } from '../../plans/kept-plan.js'
import type { Planning } from '../../plans/planning.js'
import type { FleetLook } from '../../fleet-look.js'
import type { ApiApp } from '../app.js'
import { ApiError } from '../errors.js'
import { callerOf } from '../guard.js'
import { findByIdOrName } from '../lookup.js'
import { count, memorySize } from '../moment.js'
import { failureCardView, planDigestView, planView } from '../plan-views.js'
import { PlanAsks } from './plan-asks.js'
import { addKeptPlanRoutes } from './kept-plans.js'
import type { PlanShadow } from '../../plans/plan-shadow.js'
import type { PlanDesk } from '../../plans/plan-desk.js'
import { failureCardView as toCardView, planView as toView } from '../to-view/plan-view.js'
import { answers } from './answers.js'

interface Parts {
  readonly planning: Planning
  readonly plans: PlanDesk
  readonly shadow: Pick<PlanShadow, 'current'>
  readonly look: Pick<FleetLook, 'current'>
  readonly now: () => number
}

const ofHost = z.strictObject({ host: z.string().min(1).max(300).describe('id or name') })
const yes = z.enum(['true', 'false']).default('false')

/** Plans of the fleet as it is. Asking for one changes nothing. */
export function addPlanRoutes(app: ApiApp, parts: Parts): void {
  const { planning, look } = parts
  const asks = new PlanAsks(parts.now)
  addKeptPlanRoutes(app, { ...parts, asks })

  const hostOf = (idOrName: string): Host => {
    const { hosts } = look.current().snapshot
    const host = findByIdOrName('host', 'host-unknown', hosts, idOrName)
    if (takesVms(host)) return host
    throw new ApiError('host-unknown', `${host.name} is a storage server: no VMs run there`)
  }
  app.get(
    '/api/v1/plans/rebalance',
    {
      schema: {
        summary: 'Moves that make hosts alike and mend what rules find; empty if they gain too little',
        querystring: z.strictObject({
          maxMoves: count(10_000).optional().describe('in place of what the policy says'),
          withCold: yes.describe('true: with moves for which a VM has to be off, done by a person'),
          seed: count(2 ** 31 - 1)
            .default(1)
            .describe('the same plan for the same seed'),
        }),
        response: answers(planView),
      },
    },
    async (request) => {
      const { maxMoves, withCold, seed } = request.query
      const asked = { seed, effort: 1, mostMoves: maxMoves, withCold: withCold === 'true' }
      return toView(await asks.made(callerOf(request).name, () => planning.plan({ kind: 'rebalance', ...asked })))
    },
  )
  app.get(
    '/api/v1/plans/digest',
    {
      schema: {
        summary: 'What plans would have moved, week by week, though nobody asked; and what becomes automatic',
        response: answers(planDigestView),
      },
    },
    () => {
      const { firstMove: _first, weeks, ...rest } = parts.shadow.current()
      return {
        ...rest,
        weeks: weeks.map((week) => ({ ...week, moves: { ...week.moves } })),
        hits: hitRate(parts.plans.list()),
      }
    },
  )
  app.get(
    '/api/v1/plans/drain',
    { schema: { summary: 'Moves that empty a host', querystring: ofHost, response: answers(planView) } },
    async (request) => {
      const hostId = hostOf(request.query.host).id
      return toView(await asks.made(callerOf(request).name, () => planning.plan({ kind: 'drain', hostId })))
    },
  )
  app.get(
    '/api/v1/plans/return',
    {
      schema: {
        summary: 'Back to a host the VMs that left it by moves of the last week',
        querystring: ofHost,
        response: answers(planView),
      },
    },
    async (request) => {
      const hostId = hostOf(request.query.host).id
      return toView(await asks.made(callerOf(request).name, () => planning.plan({ kind: 'return', hostId })))
    },
  )
  app.get(
    '/api/v1/plans/place',
    {
      schema: {
        summary: 'Where a new VM should go, and who has to make room for it',
        querystring: z.strictObject({
          memory: memorySize.describe('of the new VM: 4GiB'),
          vcpus: count(4096).default(1),
          class: z.enum(vmClasses).optional().describe('as the policy has classes'),
          name: z.string().min(1).max(100).default('the new VM').describe('by which the policy may know it'),
        }),
        response: answers(planView),
      },
    },
    async (request) => {
      const { memory, vcpus, class: vmClass, name } = request.query
      const newVm = { name, memoryBytes: memory, vcpus, class: vmClass }
      return toView(await asks.made(callerOf(request).name, () => planning.plan({ kind: 'place', newVm })))
    },
  )
  app.get(
    '/api/v1/plans/card',
    {
      schema: {
        summary: 'What happens if a host fails: who starts where, who is lost, how long it takes to copy them back',
        querystring: ofHost,
        response: answers(failureCardView),
      },
    },
    async (request) => {
      const { id } = hostOf(request.query.host)
      return toCardView(await asks.made(callerOf(request).name, () => planning.card(id)))
    },
  )
}
