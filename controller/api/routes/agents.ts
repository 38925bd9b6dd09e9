import { z } from 'zod'

import type { ApiApp } from '../app.js'
import { pageOf } from '../cursor.js'
import type { FleetViews } from '../fleet-views.js'
import { agentView } from '../views.js'
import { listQuery, nextCursor, pageAnswer } from './list-query.js'
import { answers } from './answers.js'

const query = z.strictObject({
  ...listQuery,
  host: z.string().max(300).describe('name of a host that it speaks for').optional(),
})

export function addAgentRoute(app: ApiApp, views: FleetViews): void {
  app.get(
    '/api/v1/agents',
    {
      schema: {
        summary: 'Agents by name',
        querystring: query,
        response: answers(z.object({ agents: z.array(agentView), nextCursor })),
      },
    },
    (request) => {
      const { host } = request.query
      const agents = [...views.current().agents.values()].filter(
        ({ hosts }) => host === undefined || hosts.includes(host),
      )
      return pageAnswer(
        'agents',
        pageOf(agents, ({ name, id }) => [name, id], request.query),
      )
    },
  )
}
