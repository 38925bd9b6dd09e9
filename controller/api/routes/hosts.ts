import { z } from 'zod'

import type { HostStatus } from '../../model/snapshot.js'
import type { CommandDesk } from '../../commands/command-desk.js'
import type { ApiApp } from '../app.js'
import { pageOf } from '../cursor.js'
import type { FleetViews } from '../fleet-views.js'
import { callerOf } from '../guard.js'
import { findByIdOrName } from '../lookup.js'
import { hostView, type HostView } from '../views.js'
import { listQuery, nextCursor, pageAnswer } from './list-query.js'
import { answers } from './answers.js'

const states = ['up', 'unreachable', 'silent'] as const satisfies readonly HostStatus[]

const query = z.strictObject({
  ...listQuery,
  state: z.enum(states).optional(),
})

const maintenance = z.strictObject({
  on: z.boolean(),
  reason: z.string().max(256).default(''),
})

interface Parts {
  readonly views: FleetViews
  readonly commands: Pick<CommandDesk, 'maintenanceOf' | 'setMaintenance'>
}

export function addHostRoutes(app: ApiApp, { views, commands }: Parts): void {
  const shown = (host: HostView): HostView => {
    const kept = commands.maintenanceOf(host.id)
    return kept === undefined ? host : { ...host, maintenance: kept }
  }

  app.get(
    '/api/v1/hosts',
    {
      schema: {
        summary: 'Hosts by name',
        querystring: query,
        response: answers(z.object({ hosts: z.array(hostView), nextCursor })),
      },
    },
    (request) => {
      const { state } = request.query
      const hosts = [...views.current().hosts.values()]
        .map(shown)
        .filter(({ status }) => state === undefined || status === state)
      return pageAnswer(
        'hosts',
        pageOf(hosts, ({ name, id }) => [name, id], request.query),
      )
    },
  )
  app.get(
    '/api/v1/hosts/:id',
    {
      schema: {
        summary: 'One host by its id or name',
        params: z.strictObject({ id: z.string() }),
        response: answers(hostView),
      },
    },
    (request) => shown(findByIdOrName('host', 'host-unknown', views.current().hosts, request.params.id)),
  )
  app.post(
    '/api/v1/hosts/:id/maintenance',
    {
      config: { access: 'operator' },
      schema: {
        summary:
          'Takes a host into maintenance, or out of it: nothing is started there meanwhile, and nothing moved to it',
        params: z.strictObject({ id: z.string() }),
        body: maintenance,
        response: answers(hostView),
      },
    },
    async (request) => {
      const host = findByIdOrName('host', 'host-unknown', views.current().hosts, request.params.id)
      const { on, reason } = request.body
      await commands.setMaintenance(host.id, on, { actor: callerOf(request).name, reason })
      return shown(host)
    },
  )
}
