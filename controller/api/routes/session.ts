import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'

import { PasswordsBusy } from '../../access/password.js'
import type { LimitedAudit } from '../../audit/limited-audit.js'
import { ownerBound } from '../../commands/permission.js'
import type { ApiApp } from '../app.js'
import {
  sessionCookie,
  type Authenticator,
  type LoginOutcome,
  type LoginProof,
  type Session,
} from '../authenticator.js'
import { ApiError } from '../errors.js'
import { TooManyGrants } from '../grants.js'
import { callerOf, credentialsOf, failure, tooManyFailures } from '../guard.js'
import { loginPage, loginScript, loginStyle, sendLoginPage } from '../login-page.js'
import { sameOrigin } from '../origin.js'
import { sessionView, type SessionView } from '../views.js'
import { answers } from './answers.js'

interface SessionRouteOptions {
  readonly authenticator: Authenticator
  readonly audit: LimitedAudit
  readonly now: () => number
}

const secret = z.string().max(500)
const noCaller = { access: 'public' } as const

const loginLinkView = z.object({ url: z.string(), expiresAt: z.number() })

/** Logging in and out. The pages and forms are for browsers, `/api/v1/…` for programs. */
export function addSessionRoutes(app: ApiApp, options: SessionRouteOptions): void {
  addLoginPages(app, options)
  addSessionApi(app, options)
}

function addLoginPages(app: ApiApp, options: SessionRouteOptions): void {
  const { authenticator, audit, now } = options
  app.get(
    '/login',
    { config: noCaller, schema: { hide: true, querystring: z.object({ key: secret.optional().catch(undefined) }) } },
    (request, reply) => {
      const { key } = request.query
      return sendLoginPage(reply, 200, loginPage(key === undefined ? { hasUsers: authenticator.hasUsers } : { key }))
    },
  )
  app.get('/login.js', { config: noCaller, schema: { hide: true } }, (_request, reply) =>
    reply.type('text/javascript; charset=utf-8').send(loginScript),
  )
  app.get('/login.css', { config: noCaller, schema: { hide: true } }, (_request, reply) =>
    reply.type('text/css; charset=utf-8').send(loginStyle),
  )
  app.post(
    '/login',
    {
      config: noCaller,
      schema: {
        hide: true,
        body: z.union([
          z.strictObject({ key: secret }),
          z.strictObject({ token: secret.trim() }),
          z.strictObject({ name: z.string().max(200).trim(), password: z.string().max(1000) }),
        ]),
      },
    },
    async (request, reply) => {
      if (sameOrigin(request.headers) === 'no') {
        throw new ApiError('cross-site', 'only the login page of this controller can log in')
      }
      const by = proofKind(request.body)
      const outcome = await loggedIn(authenticator, request.body, request.ip, now)
      if (outcome.status !== 'in') return refuse(request, reply, options, { by, outcome, name: nameIn(request.body) })
      const { session } = outcome
      await audit.note(`login ${session.name}`, { event: 'login', actor: session.name, by, address: request.ip }, now())
      return setSession(request, reply, session).redirect('/', 303)
    },
  )
}

function addSessionApi(app: ApiApp, { authenticator, audit, now }: SessionRouteOptions): void {
  app.get(
    '/api/v1/session',
    { schema: { summary: 'Who asks', response: answers(sessionView) } },
    (request): SessionView => {
      const { name, role, via, expiresAt, scope } = callerOf(request)
      const owner = ownerBound({ name, role, scope })
      return { name, role, via, ...(expiresAt !== undefined && { expiresAt }), ...(owner !== undefined && { owner }) }
    },
  )
  app.post(
    '/api/v1/login-links',
    {
      config: { access: 'viewer' },
      schema: { summary: 'A link that opens the page once, within 15 minutes', response: answers(loginLinkView) },
    },
    (request) => {
      const made = authenticator.createLoginKey(credentialsOf(request), now())
      if (made === undefined) throw new ApiError('unauthenticated', 'the token or session has ended')
      const { key, expiresAt } = made
      return { url: `${request.protocol}://${request.host}/login?key=${key}`, expiresAt }
    },
  )
  app.post(
    '/api/v1/logout',
    {
      config: { access: 'viewer' },
      schema: { summary: 'Ends the session of the cookie', response: { 204: z.null() } },
    },
    async (request, reply) => {
      const cookie = request.cookies[sessionCookie]
      const name = cookie === undefined ? undefined : await authenticator.logout(cookie, now())
      if (name !== undefined)
        await audit.note(`login ${name}`, { event: 'logout', actor: name, address: request.ip }, now())
      void reply.clearCookie(sessionCookie, { path: '/' })
      return reply.code(204).send(null)
    },
  )
}

/** @throws ApiError logins-busy */
async function loggedIn(
  authenticator: Authenticator,
  proof: LoginProof,
  address: string,
  now: () => number,
): Promise<LoginOutcome> {
  try {
    return await authenticator.login(proof, address, now)
  } catch (error) {
    if (!(error instanceof PasswordsBusy) && !(error instanceof TooManyGrants)) throw error
    throw new ApiError('logins-busy', 'too many people log in at once: try again', {}, { cause: error })
  }
}

function proofKind(proof: LoginProof): 'key' | 'token' | 'password' {
  if ('key' in proof) return 'key'
  return 'token' in proof ? 'token' : 'password'
}

function nameIn(proof: LoginProof): string | undefined {
  return 'name' in proof ? proof.name : undefined
}

/** Whether there is no such user or the password is wrong is not said. */
async function refuse(
  request: FastifyRequest,
  reply: FastifyReply,
  { authenticator, audit, now }: SessionRouteOptions,
  {
    by,
    outcome,
    name,
  }: {
    readonly by: 'key' | 'token' | 'password'
    readonly outcome: Exclude<LoginOutcome, { readonly status: 'in' }>
    readonly name: string | undefined
  },
): Promise<FastifyReply> {
  const tooMany =
    outcome.status === 'wait'
      ? tooManyFailures(reply, outcome.waitMs)
      : by === 'password'
        ? undefined
        : failure(request, reply, authenticator, now())
  const message =
    tooMany?.message ??
    (by === 'password'
      ? 'That name or password is wrong.'
      : 'That link or token is wrong, expired or was used before. Get a new one.')
  // Not what was typed as a name, unless it is a user's: people type passwords there.
  const actor = name !== undefined && authenticator.isUser(name) ? name : undefined
  const reason = outcome.status === 'wait' ? 'too many tries' : `a wrong ${by}`
  await audit.note('stranger', { event: 'login-refused', actor, by, address: request.ip, reason }, now())
  if ((request.headers.accept ?? '').includes('text/html')) {
    const { hasUsers } = authenticator
    return sendLoginPage(reply, tooMany?.status ?? 401, loginPage({ message, hasUsers }))
  }
  throw tooMany ?? new ApiError('login-key-invalid', message)
}

/** Lost when its seven days are over, at logout, or when the browser drops it. Over https it never travels without. */
function setSession(request: FastifyRequest, reply: FastifyReply, { secret, expiresAt }: Session): FastifyReply {
  return reply.setCookie(sessionCookie, secret, {
    path: '/',
    httpOnly: true,
    sameSite: 'strict',
    secure: request.protocol === 'https',
    expires: new Date(expiresAt),
  })
}
