import { z } from 'zod'

import { capacity } from '../../checks/capacity.js'
import { worstFirst } from '../../checks/fleet-findings.js'
import { settle } from '../../checks/settle.js'
import type { Policy } from '../../model/policy.js'
import type { ApiApp } from '../app.js'
import type { FleetViews } from '../fleet-views.js'
import { memorySize } from '../moment.js'
import { capacityView as toView } from '../to-view/capacity-view.js'
import { capacityView } from '../views.js'
import { answers } from './answers.js'

interface Overrides {
  readonly reserve?: number | undefined
  readonly vmMemory?: number | undefined
}

const query = z.strictObject({
  reserve: memorySize
    .describe('as if every host kept this much, instead of what the policy says; such as 1GiB')
    .optional(),
  vmMemory: memorySize
    .refine((bytes) => bytes > 0, 'a size above 0')
    .describe('as if a new VM took this much; such as 1GiB')
    .optional(),
})

export function addCapacityRoute(app: ApiApp, views: FleetViews): void {
  app.get(
    '/api/v1/capacity',
    {
      schema: {
        summary: 'Room for new VMs, and what the fleet can lose',
        querystring: query,
        response: answers(capacityView),
      },
    },
    (request) => {
      const { snapshot, capacity: current, occupants, policy } = views.current()
      const { reserve, vmMemory } = request.query
      const asIs = reserve === undefined && vmMemory === undefined
      const result = asIs ? current : capacity(snapshot, overridden(policy, request.query), occupants)
      return toView(result, worstFirst(settle(result.findings, snapshot, policy).stands))
    },
  )
}

function overridden(policy: Policy, { reserve, vmMemory }: Overrides): Policy {
  return {
    ...policy,
    limits: {
      ...policy.limits,
      vmMemoryBytes: vmMemory ?? policy.limits.vmMemoryBytes,
      hostReserveBytes: reserve ?? policy.limits.hostReserveBytes,
    },
    hosts: reserve === undefined ? policy.hosts : policy.hosts.map((rule) => ({ ...rule, reserveBytes: undefined })),
  }
}
