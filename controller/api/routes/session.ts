import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'

import type { ApiApp } from '../app.js'
import { sessionCookie, type Authenticator, type Session } from '../authenticator.js'
import { ApiError } from '../errors.js'
import { callerOf, failure } from '../guard.js'
import { loginPage, loginScript, loginStyle, sendLoginPage } from '../login-page.js'
import { sameOrigin } from '../origin.js'
import { answers } from './answers.js'

interface SessionRouteOptions {
  readonly authenticator: Authenticator
  readonly now: () => number
}

const secret = z.string().max(500)
const noCaller = { access: 'public' } as const

const sessionView = z.object({
  name: z.string(),
  role: z.enum(['admin']),
  via: z.enum(['token', 'session']),
  expiresAt: z.number().optional(),
})

const loginLinkView = z.object({ url: z.string(), expiresAt: z.number() })

/** Logging in and out. The pages and forms are for browsers, `/api/v1/…` for programs. */
export function addSessionRoutes(app: ApiApp, options: SessionRouteOptions): void {
  addLoginPages(app, options)
  addSessionApi(app, options)
}

function addLoginPages(app: ApiApp, { authenticator, now }: SessionRouteOptions): void {
  app.get(
    '/login',
    { config: noCaller, schema: { hide: true, querystring: z.object({ key: secret.optional().catch(undefined) }) } },
    (request, reply) => {
      const { key } = request.query
      return sendLoginPage(reply, 200, loginPage(key === undefined ? {} : { key }))
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
        body: z.union([z.strictObject({ key: secret }), z.strictObject({ token: secret.trim() })]),
      },
    },
    async (request, reply) => {
      if (sameOrigin(request.headers) === 'no') {
        throw new ApiError('cross-site', 'only the login page of this controller can log in')
      }
      const session = await authenticator.login(request.body, now())
      if (session === undefined) return refuse(request, reply, authenticator, now())
      return setSession(request, reply, session).redirect('/', 303)
    },
  )
}

function addSessionApi(app: ApiApp, { authenticator, now }: SessionRouteOptions): void {
  app.get(
    '/api/v1/session',
    { schema: { summary: 'Who asks', response: answers(sessionView) } },
    (request): z.infer<typeof sessionView> => {
      const { name, role, via, expiresAt } = callerOf(request)
      return { name, role, via, ...(expiresAt !== undefined && { expiresAt }) }
    },
  )
  app.post(
    '/api/v1/login-links',
    { schema: { summary: 'A link that opens the page once, within 15 minutes', response: answers(loginLinkView) } },
    (request) => {
      const { key, expiresAt } = authenticator.createLoginKey(callerOf(request).name, now())
      return { url: `${request.protocol}://${request.host}/login?key=${key}`, expiresAt }
    },
  )
  app.post(
    '/api/v1/logout',
    { schema: { summary: 'Ends the session of the cookie', response: { 204: z.null() } } },
    async (request, reply) => {
      const cookie = request.cookies[sessionCookie]
      if (cookie !== undefined) await authenticator.logout(cookie)
      void reply.clearCookie(sessionCookie, { path: '/' })
      return reply.code(204).send(null)
    },
  )
}

function refuse(request: FastifyRequest, reply: FastifyReply, authenticator: Authenticator, now: number): FastifyReply {
  const tooMany = failure(request, reply, authenticator, now)
  const message = tooMany?.message ?? 'That link or token is wrong, expired or was used before. Get a new one.'
  if ((request.headers.accept ?? '').includes('text/html')) {
    return sendLoginPage(reply, tooMany?.status ?? 401, loginPage({ message }))
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
