import { z } from 'zod'

import type { HostStatus } from '../../model/snapshot.js'
import type { ApiApp } from '../app.js'
import { pageOf } from '../cursor.js'
import type { FleetViews } from '../fleet-views.js'
import { findByIdOrName } from '../lookup.js'
import { hostView } from '../views.js'
import { listQuery, nextCursor, pageAnswer } from './list-query.js'
import { answers } from './answers.js'

const states = ['up', 'unreachable', 'silent'] as const satisfies readonly HostStatus[]

const query = z.strictObject({
  ...listQuery,
  state: z.enum(states).optional(),
})

export function addHostRoutes(app: ApiApp, views: FleetViews): void {
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
      const hosts = [...views.current().hosts.values()].filter(({ status }) => state === undefined || status === state)
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
    (request) => findByIdOrName('host', 'host-unknown', views.current().hosts, request.params.id),
  )
}
