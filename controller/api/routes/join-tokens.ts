import { z } from 'zod'

import type { Enrolment } from '../../ingest/enrolment.js'
import { TooManyJoinTokens, type JoinToken } from '../../ingest/join-tokens.js'
import type { ApiApp } from '../app.js'
import { ApiError } from '../errors.js'
import { callerOf } from '../guard.js'
import { lifetime } from '../moment.js'
import { isLoopbackHost } from '../origin.js'
import { joinTokenView, newJoinTokenView, type JoinTokenView, type NewJoinTokenView } from '../views.js'
import { answers } from './answers.js'

/** Where agents connect. */
export interface AgentEndpoint {
  /** Address that the controller listens on. */
  readonly host: string
  readonly port: number
  /** How machines elsewhere reach it, if the configuration says so. */
  readonly advertise: string | undefined
}

const hostName = z.string().regex(/^[\w.:-]{1,256}$/, 'a host name or id')

const newToken = z.strictObject({
  hosts: z.array(hostName).max(100).describe('names or ids of the only hosts that it is good for').prefault([]),
  valid: lifetime.prefault('1h'),
  note: z.string().max(200).describe('what it is for').prefault(''),
})

/** Tokens with which new agents join. */
export function addJoinTokenRoutes(app: ApiApp, enrolment: Enrolment, endpoint: AgentEndpoint): void {
  app.post(
    '/api/v1/agents/join-tokens',
    {
      schema: {
        summary: 'A token with which one agent joins, once',
        body: newToken,
        response: answers(newJoinTokenView),
      },
    },
    async (request): Promise<NewJoinTokenView> => {
      const { hosts, valid: validMs, note } = request.body
      try {
        const made = await enrolment.createJoinToken({ hosts, validMs, note }, callerOf(request).name)
        return {
          ...viewOf(made.waiting),
          token: made.token,
          grpcPort: endpoint.port,
          grpcLoopback: isLoopbackHost(endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host),
          ...(endpoint.advertise !== undefined && { advertise: endpoint.advertise }),
        }
      } catch (error) {
        if (!(error instanceof TooManyJoinTokens)) throw error
        throw new ApiError('too-many-join-tokens', error.message, {}, { cause: error })
      }
    },
  )
  app.get(
    '/api/v1/agents/join-tokens',
    {
      config: { access: 'admin' },
      schema: {
        summary: 'Join tokens that wait to be used',
        response: answers(z.object({ joinTokens: z.array(joinTokenView) })),
      },
    },
    async () => ({ joinTokens: (await enrolment.joinTokens()).map(viewOf) }),
  )
  app.post(
    '/api/v1/agents/join-tokens/:id/revoke',
    {
      schema: {
        summary: 'Makes a join token void',
        params: z.strictObject({ id: z.string() }),
        response: answers(z.object({ id: z.string() })),
      },
    },
    async (request) => {
      const { id } = request.params
      if (await enrolment.removeJoinToken(id, callerOf(request).name)) return { id }
      throw new ApiError('join-token-unknown', `no join token has the id ${JSON.stringify(id.slice(0, 80))}`)
    },
  )
}

function viewOf({ id, expiresAt, hosts, note }: JoinToken): JoinTokenView {
  return { id, expiresAt, hosts: [...hosts], note }
}
