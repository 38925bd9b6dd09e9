import { z } from 'zod'

import { roles } from '../../../common/verbs.js'
import type { AccessDesk, Outcome, Refusal } from '../../access/access-desk.js'
import type { LimitedAudit } from '../../audit/limited-audit.js'
import { principalName } from '../../access/caller.js'
import { newPassword, PasswordsBusy } from '../../access/password.js'
import type { User } from '../../access/users.js'
import type { ApiApp } from '../app.js'
import { ApiError, type ApiErrorCode } from '../errors.js'
import type { Authenticator } from '../authenticator.js'
import { callerOf, credentialsOf, tooManyFailures } from '../guard.js'
import { userView, type UserView } from '../views.js'
import { answers } from './answers.js'

const params = z.strictObject({ name: z.string().max(200) })
const role = z.enum(roles)
const config = { access: 'admin' } as const

/** Users, who log in by name and password. */
export function addUserRoutes(app: ApiApp, desk: AccessDesk, own: OwnPasswordParts): void {
  addOwnPassword(app, desk, own)
  app.get(
    '/api/v1/users',
    { config, schema: { summary: 'Users by name', response: answers(z.object({ users: z.array(userView) })) } },
    () => ({ users: desk.users().map(toView) }),
  )
  app.post(
    '/api/v1/users',
    {
      config,
      schema: {
        summary: 'Adds a user who logs in by name and password',
        body: z.strictObject({ name: principalName, role, password: newPassword }),
        response: answers(userView),
      },
    },
    async (request) => {
      const { name, role: asRole, password } = request.body
      return toView(await settled(() => desk.addUser(name, asRole, password, callerOf(request).name), name))
    },
  )
  app.post(
    '/api/v1/users/:name/role',
    {
      config,
      schema: {
        summary: 'Gives a user another role; ends the sessions of that user',
        params,
        body: z.strictObject({ role }),
        response: answers(userView),
      },
    },
    async (request) => {
      const { name } = request.params
      return toView(await settled(() => desk.setRole(name, request.body.role, callerOf(request).name), name))
    },
  )
  app.post(
    '/api/v1/users/:name/password',
    {
      config,
      schema: {
        summary: 'Gives a user another password; ends the sessions of that user',
        params,
        body: z.strictObject({ password: newPassword }),
        response: answers(userView),
      },
    },
    async (request) => {
      const { name } = request.params
      return toView(await settled(() => desk.setPassword(name, request.body.password, callerOf(request).name), name))
    },
  )
  app.post(
    '/api/v1/users/:name/remove',
    {
      config,
      schema: {
        summary: 'Removes a user, with all sessions and tokens of that user',
        params,
        response: answers(userView),
      },
    },
    async (request) => {
      const { name } = request.params
      return toView(await settled(() => desk.removeUser(name, callerOf(request).name), name))
    },
  )
}

export interface OwnPasswordParts {
  readonly authenticator: Authenticator
  readonly audit: LimitedAudit
  readonly now: () => number
}

/** A user's own: whoever has found a session open, or a token, does not know the old one. */
function addOwnPassword(app: ApiApp, desk: AccessDesk, { authenticator, audit, now }: OwnPasswordParts): void {
  app.post(
    '/api/v1/password',
    {
      config: { access: 'viewer' },
      schema: {
        summary: 'Gives the user who asks another password; ends that user’s other sessions',
        body: z.strictObject({ oldPassword: z.string().max(1000), newPassword }),
        response: answers(userView),
      },
    },
    async (request, reply) => {
      const { name, scope, speaksForUser } = callerOf(request)
      if (scope !== undefined || speaksForUser !== true)
        throw new ApiError('forbidden', `${name} is no user with a password, or has shown a token that is bound`)
      const { oldPassword, newPassword: password } = request.body
      return toView(
        await settled(async () => {
          const checked = await authenticator.checkPassword(name, oldPassword, request.ip, now)
          if (checked.status !== 'right') {
            const reason = checked.status === 'wait' ? 'too many tries' : 'a wrong password'
            const what = { event: 'password-refused', actor: name, address: request.ip, reason }
            await audit.note(`login ${name}`, what, now())
            if (checked.status === 'wait') throw tooManyFailures(reply, checked.waitMs)
            throw new ApiError('password-wrong', 'the old password is wrong')
          }
          const keep = authenticator.sessionHash(credentialsOf(request), now())
          return desk.setOwnPassword(name, password, { shown: checked.passwordHash, keep })
        }, name),
      )
    },
  )
}

/** @throws ApiError for what was refused */
async function settled(work: () => Promise<Outcome<User>>, name: string): Promise<User> {
  try {
    const outcome = await work()
    if ('done' in outcome) return outcome.done
    const { code, says } = refusals[outcome.refused]
    throw new ApiError(code, says(JSON.stringify(name)))
  } catch (error) {
    if (!(error instanceof PasswordsBusy)) throw error
    throw new ApiError('logins-busy', 'too many passwords wait to be hashed: try again', {}, { cause: error })
  }
}

/** What each refusal is called, of users and of tokens. */
export const refusals: Readonly<
  Record<Refusal, { readonly code: ApiErrorCode; readonly says: (name: string) => string }>
> = {
  'name-taken': { code: 'name-taken', says: (name) => `the name ${name} is taken` },
  'too-many': { code: 'too-many-users', says: () => 'there are as many users as there may be' },
  unknown: { code: 'user-unknown', says: (name) => `no user is named ${name}` },
  'role-too-high': { code: 'forbidden', says: (name) => `a token of ${name} can have no higher role than ${name}` },
  'password-changed': { code: 'password-wrong', says: () => 'the password was changed meanwhile' },
  'admin-scope': { code: 'request-invalid', says: () => 'a token of the role admin has no bounds' },
}

function toView({ name, role: ofUser, createdAt, changedAt }: User): UserView {
  return { name, role: ofUser, createdAt, changedAt }
}
