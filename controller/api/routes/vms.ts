import { z } from 'zod'

import type { VmState } from '../../model/snapshot.js'
import type { ApiApp } from '../app.js'
import { pageOf } from '../cursor.js'
import type { FleetViews } from '../fleet-views.js'
import { findByIdOrName } from '../lookup.js'
import { vmView } from '../views.js'
import { listQuery, nextCursor, pageAnswer } from './list-query.js'
import { answers } from './answers.js'

const states = [
  'running',
  'blocked',
  'paused',
  'shutting-down',
  'shutoff',
  'crashed',
  'suspended',
  'unknown',
] as const satisfies readonly VmState[]

const query = z.strictObject({
  ...listQuery,
  host: z.string().max(300).describe('id or name of the host that it is on').optional(),
  state: z.enum(states).optional(),
})

export function addVmRoutes(app: ApiApp, views: FleetViews): void {
  app.get(
    '/api/v1/vms',
    {
      schema: {
        summary: 'VMs by name',
        querystring: query,
        response: answers(z.object({ vms: z.array(vmView), nextCursor })),
      },
    },
    (request) => {
      const { host, state } = request.query
      const vms = [...views.current().vms.values()].filter(
        (vm) =>
          (host === undefined || vm.host === host || vm.hostId === host) && (state === undefined || vm.state === state),
      )
      return pageAnswer(
        'vms',
        pageOf(vms, ({ name, uuid }) => [name, uuid], request.query),
      )
    },
  )
  app.get(
    '/api/v1/vms/:id',
    {
      schema: {
        summary: 'One VM by its UUID or name',
        params: z.strictObject({ id: z.string() }),
        response: answers(vmView),
      },
    },
    (request) => findByIdOrName('VM', 'vm-unknown', views.current().vms, request.params.id),
  )
}
