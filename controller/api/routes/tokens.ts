import { z } from 'zod'

import { roles, verbNames } from '../../../common/verbs.js'
import { tokenId, type AccessDesk } from '../../access/access-desk.js'
import { principalName, type Scope, type Token } from '../../access/caller.js'
import { isPattern } from '../../policy/policy-text-schema.js'
import type { ApiApp } from '../app.js'
import { ApiError } from '../errors.js'
import { TooManyGrants, type Held } from '../grants.js'
import { callerOf } from '../guard.js'
import { parseDurationMs } from '../../../common/units.js'
import { newTokenView, tokenView, type TokenView } from '../views.js'
import { answers } from './answers.js'
import { refusals } from './users.js'

const config = { access: 'admin' } as const
const day = 86_400_000
const expected = 'a duration from 1m to 366d, such as 30d'

const valid = z
  .string()
  .max(100)
  .describe(expected)
  .transform((text, context) => {
    const ms = parseDurationMs(text)
    if (ms !== undefined && ms >= 60_000 && ms <= 366 * day) return Math.round(ms)
    context.addIssue({ code: 'custom', message: expected })
    return z.NEVER
  })

const newToken = z.strictObject({
  name: principalName.describe('of the program that uses it, or of the user it speaks for'),
  role: z.enum(roles),
  ofUser: z.boolean().default(false).describe('it speaks for the user of that name, and ends with that one'),
  owner: z.string().min(1).max(200).optional().describe('only VMs of this owner'),
  vms: z
    .array(z.string().refine(isPattern, 'a pattern of names of VMs'))
    .min(1)
    .max(100)
    .optional()
    .describe('only VMs whose names match one of these patterns'),
  verbs: z.array(z.enum(verbNames)).min(1).optional().describe('only these commands'),
  valid: valid.prefault('30d'),
  note: z.string().max(200).default('').describe('what it is for'),
})

/** Tokens with which programs use this API. */
export function addTokenRoutes(app: ApiApp, desk: AccessDesk): void {
  app.get(
    '/api/v1/tokens',
    { config, schema: { summary: 'Tokens that hold', response: answers(z.object({ tokens: z.array(tokenView) })) } },
    () => ({ tokens: desk.tokens().map(toView) }),
  )
  app.post(
    '/api/v1/tokens',
    {
      config,
      schema: {
        summary: 'Makes a token, which is shown this once',
        body: newToken,
        response: answers(newTokenView),
      },
    },
    async (request) => {
      const { owner, vms, verbs, valid: validMs, ...asked } = request.body
      const isBound = owner !== undefined || vms !== undefined || verbs !== undefined
      const scope: Scope | undefined = isBound ? { owner, vms, verbs } : undefined
      const outcome = await made(() => desk.createToken({ ...asked, scope, validMs }, callerOf(request).name))
      if ('done' in outcome) return { ...toView(outcome.done), token: outcome.done.secret }
      const { code, says } = refusals[outcome.refused]
      throw new ApiError(code, says(JSON.stringify(asked.name)))
    },
  )
  app.post(
    '/api/v1/tokens/:id/revoke',
    {
      config,
      schema: {
        summary: 'Makes a token void, with the sessions that were opened with it',
        params: z.strictObject({ id: z.string().max(64) }),
        response: answers(tokenView),
      },
    },
    async (request) => {
      const { id } = request.params
      const outcome = await desk.revokeToken(id, callerOf(request).name)
      if ('done' in outcome) return toView(outcome.done)
      throw new ApiError('token-unknown', `no token has the id ${JSON.stringify(id)}`)
    },
  )
}

async function made<Made>(work: () => Promise<Made>): Promise<Made> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof TooManyGrants)) throw error
    throw new ApiError('too-many-tokens', error.message, {}, { cause: error })
  }
}

function toView({ hash, grant }: Held<Token>): TokenView {
  const { name, role, ofUser = false, scope, createdAt, expiresAt, createdBy, note } = grant
  return {
    id: tokenId(hash),
    name,
    role,
    ofUser,
    createdAt,
    ...(scope !== undefined && { scope }),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(createdBy !== undefined && { createdBy }),
    ...(note !== undefined && { note }),
  }
}
