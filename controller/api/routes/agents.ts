import { z } from 'zod'

import type { EnrolledAgent, Enrolment } from '../../ingest/enrolment.js'
import type { ApiApp } from '../app.js'
import { pageOf } from '../cursor.js'
import { ApiError } from '../errors.js'
import type { FleetViews, ViewSet } from '../fleet-views.js'
import { callerOf } from '../guard.js'
import { findByIdOrName } from '../lookup.js'
import { enrolledAgentView } from '../to-view/enrolled-agent-view.js'
import { agentView, type AgentView } from '../views.js'
import { listQuery, nextCursor, pageAnswer } from './list-query.js'
import { answers } from './answers.js'

const query = z.strictObject({
  ...listQuery,
  host: z.string().max(300).describe('name of a host that it speaks for').optional(),
})

const params = z.strictObject({ id: z.string() })

/** Agents: who they are, ending one, forgetting one, and letting one speak for another host. */
export function addAgentRoutes(app: ApiApp, views: FleetViews, enrolment: Enrolment): void {
  app.get(
    '/api/v1/agents',
    {
      schema: {
        summary: 'Agents by name',
        querystring: query,
        response: answers(z.object({ agents: z.array(agentView), nextCursor })),
      },
    },
    async (request) => {
      const { host } = request.query
      const agents = allAgents(await enrolment.agents(), views.current()).filter(
        ({ hosts }) => host === undefined || hosts.includes(host),
      )
      return pageAnswer(
        'agents',
        pageOf(agents, ({ name, id }) => [name, id], request.query),
      )
    },
  )
  app.post(
    '/api/v1/agents/:id/revoke',
    { schema: { summary: 'Ends an agent for good, at once', params, response: answers(agentView) } },
    async (request) => {
      const { row } = named(await enrolment.agents(), request.params.id)
      const revoked = await enrolment.revoke(row.id, callerOf(request).name)
      if (revoked === undefined) throw new ApiError('agent-unknown', 'the agent is gone')
      return viewOf(revoked, views.current())
    },
  )
  app.post(
    '/api/v1/agents/:id/forget',
    {
      schema: {
        summary: 'Removes an agent that is revoked or away; its certificate stays refused',
        params,
        response: answers(agentView),
      },
    },
    async (request) => {
      const { row } = forgettable(await enrolment.agents(), request.params.id)
      const outcome = await enrolment.forget(row.id, callerOf(request).name)
      switch (outcome.status) {
        case 'forgotten':
          return viewOf(outcome.agent, views.current())
        case 'connected':
          throw new ApiError('agent-connected', `${row.name} (${row.id}) is connected: revoke it first`)
        case 'agent-unknown':
          throw new ApiError('agent-unknown', 'the agent is gone')
      }
    },
  )
  app.post(
    '/api/v1/agents/:id/hosts',
    {
      schema: {
        summary: 'Lets an agent speak for one host more',
        params,
        body: z.strictObject({ host: z.string().min(1).max(256).describe('its id, or its name if it is known') }),
        response: answers(agentView),
      },
    },
    async (request) => {
      const agent = named(await enrolment.agents(), request.params.id)
      const hostId = hostIdOf(request.body.host, agent, views.current())
      const outcome = await enrolment.grantHost(agent.row.id, hostId, callerOf(request).name)
      switch (outcome.status) {
        case 'granted':
          return viewOf(outcome.agent, views.current())
        case 'host-taken':
          throw new ApiError('host-taken', `${outcome.by} speaks for that host: revoke that agent first`)
        case 'too-many-hosts':
          throw new ApiError('too-many-hosts', 'the agent has as many hosts as one may have')
        case 'agent-unknown':
          throw new ApiError('agent-unknown', 'the agent was revoked')
      }
    },
  )
}

/** All that enrolled, and those that only the fleet remembers. */
function allAgents(enrolled: readonly EnrolledAgent[], set: ViewSet): AgentView[] {
  const known = new Set(enrolled.map(({ row }) => row.id))
  return [
    ...enrolled.map((agent) => viewOf(agent, set)),
    ...[...set.agents.values()].filter(({ id }) => !known.has(id)),
  ]
}

function viewOf(agent: EnrolledAgent, { agents, hosts }: ViewSet): AgentView {
  return enrolledAgentView(agent, agents.get(agent.row.id), (hostId) => hosts.get(hostId)?.name ?? hostId)
}

/** By id, or by name among those that are not revoked. */
function named(enrolled: readonly EnrolledAgent[], idOrName: string): EnrolledAgent {
  const candidates = enrolled
    .filter(({ row }) => !row.revoked || row.id === idOrName)
    .map((agent) => [agent.row.id, { name: agent.row.name, agent }] as const)
  return findByIdOrName('agent', 'agent-unknown', new Map(candidates), idOrName).agent
}

/** By id, or by name; by that, one that can be forgotten before one of the same name that is connected. */
function forgettable(enrolled: readonly EnrolledAgent[], idOrName: string): EnrolledAgent {
  const away = enrolled.filter(({ connected }) => !connected)
  const fitting = away.some(({ row }) => row.name === idOrName || row.id === idOrName) ? away : enrolled
  const candidates = fitting.map((agent) => [agent.row.id, { name: agent.row.name, agent }] as const)
  return findByIdOrName('agent', 'agent-unknown', new Map(candidates), idOrName).agent
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * The id of a host that the agent was refused, or that the fleet knows; an id that nobody has named yet is taken as it is.
 * @throws ApiError host-unknown, name-ambiguous
 */
function hostIdOf(idOrName: string, { refusedHosts }: EnrolledAgent, { hosts }: ViewSet): string {
  const known = new Map<string, { readonly name: string; readonly id: string }>()
  for (const { id, name } of hosts.values()) known.set(id, { id, name })
  for (const { hostId, name } of refusedHosts) known.set(hostId, { id: hostId, name })
  if (!known.has(idOrName) && uuid.test(idOrName)) return idOrName
  return findByIdOrName('host', 'host-unknown', known, idOrName).id
}
