import type { FastifyReply, FastifyRequest } from 'fastify'

import type { Role } from '../../common/verbs.js'
import { mayAs, type Caller } from '../access/caller.js'
import { setSecurityHeaders, type Access, type ApiApp } from './app.js'
import { sessionCookie, type Authenticator, type Credentials } from './authenticator.js'
import { ApiError } from './errors.js'
import { loginPage, sendLoginPage } from './login-page.js'
import { isLoopbackHost, isLoopbackPeer, sameOrigin } from './origin.js'

interface GuardOptions {
  readonly authenticator: Authenticator
  readonly now: () => number
  /** True if only this machine can reach the server: then only its names are answered to. */
  readonly loopbackOnly: boolean
}

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Whether a request of that method changes nothing. */
export function isSafe(method: string): boolean {
  return safeMethods.has(method)
}

/** A route and who may call it. */
export interface RouteAccess {
  readonly method: string
  readonly url: string
  readonly access: Access
}

/**
 * Stands before every route, known or not: headers, names, who calls, what that one may, and whether a page of ours made it call.
 * @returns every route that is added after it, with who may call it
 */
export function addGuard(app: ApiApp, { authenticator, now, loopbackOnly }: GuardOptions): readonly RouteAccess[] {
  const routes: RouteAccess[] = []
  app.decorateRequest('caller', undefined)
  app.addHook('onRoute', ({ method, url, config }) => {
    for (const one of [method].flat()) routes.push({ method: one, url, access: config?.access ?? usualAccess(one) })
  })
  app.addHook('onRequest', async (request, reply) => {
    setSecurityHeaders(reply)
    if (loopbackOnly && !isLoopbackHost(request.headers.host ?? '')) throw foreignName(request)
    const { access } = request.routeOptions.config
    if (access === 'public') return
    const caller = identify(request, reply, authenticator, now())
    if (caller === undefined) {
      if (access === 'metrics' && isLocalProgram(request)) return
      const { hasUsers } = authenticator
      if (wantsPage(request))
        return sendLoginPage(reply, 401, loginPage({ hasUsers, fromElsewhere: isFromElsewhere(request) }))
      throw new ApiError('unauthenticated', 'a token or a session is needed: run `headroom login`')
    }
    request.caller = caller
    if (caller.via === 'session' && !isSafe(request.method)) requireOwnPage(request)
    requireAccess(request, caller)
  })
  // A body may take its time to come: who was removed meanwhile does nothing any more. Not asynchronous, so that nothing comes between this and what is done.
  app.addHook('preHandler', (request, _reply, done) => {
    if (request.caller === undefined || isSafe(request.method)) return done()
    const caller = authenticator.identify(credentialsOf(request), now())
    if (typeof caller !== 'object') throw new ApiError('unauthenticated', 'the token or session has ended')
    request.caller = caller
    requireAccess(request, caller)
    done()
  })
  return routes
}

/** @throws ApiError forbidden */
function requireAccess({ is404, method, routeOptions }: FastifyRequest, caller: Caller): void {
  const { access } = routeOptions.config
  // What is no route is answered so to everybody who is let in; what is public has no caller.
  if (is404 || access === 'public') return
  requireRole(caller, access === undefined || access === 'metrics' ? usualAccess(method) : access)
}

function usualAccess(method: string): Role {
  return isSafe(method) ? 'viewer' : 'admin'
}

/** @throws ApiError forbidden */
export function requireRole({ name, role, scope }: Caller, needed: Role): void {
  if (!mayAs(role, needed))
    throw new ApiError('forbidden', `this needs the role ${needed}, and ${name} is ${role}`, {
      expected: needed,
      got: role,
    })
  // A token that is bound to some VMs is for reading and for commands, in which its bounds are looked at.
  if (scope !== undefined && mayAs(needed, 'operator'))
    throw new ApiError('forbidden', `this needs a token without bounds, and that of ${name} is bound`)
}

/** Who makes a request of a route that wants a caller: after the guard there is one. */
export function callerOf(request: FastifyRequest): Caller {
  if (request.caller === undefined) throw new Error('route without a caller')
  return request.caller
}

export function credentialsOf(request: FastifyRequest): Credentials {
  return { authorization: request.headers.authorization, cookie: request.cookies[sessionCookie] }
}

function identify(
  request: FastifyRequest,
  reply: FastifyReply,
  authenticator: Authenticator,
  now: number,
): Caller | undefined {
  const caller = authenticator.identify(credentialsOf(request), now)
  if (caller !== 'wrong-token') return caller
  throw failure(request, reply, authenticator, now) ?? new ApiError('unauthenticated', 'the token is not valid')
}

/** Counts a wrong secret of this peer. The error to answer once there were too many. */
export function failure(
  request: FastifyRequest,
  reply: FastifyReply,
  authenticator: Authenticator,
  now: number,
): ApiError | undefined {
  const waitMs = authenticator.recordFailure(request.ip, now)
  return waitMs === undefined ? undefined : tooManyFailures(reply, waitMs)
}

export function tooManyFailures(reply: FastifyReply, waitMs: number): ApiError {
  const seconds = Math.ceil(waitMs / 1000)
  void reply.header('retry-after', String(seconds))
  return new ApiError('too-many-failures', `too many wrong tokens or passwords; wait ${seconds} s`)
}

/** A page of another site must not act with the cookie of ours. SameSite=Strict already says so to the browser; this does not trust it alone. */
function requireOwnPage(request: FastifyRequest): void {
  if (sameOrigin(request.headers) !== 'yes') {
    throw new ApiError('cross-site', 'a session can only change something from the page of this controller')
  }
}

/** A browser that asks for a page rather than for data. */
export function wantsPage(request: FastifyRequest): boolean {
  const path = request.url.split('?')[0] ?? ''
  return (
    (request.method === 'GET' || request.method === 'HEAD') &&
    !isApiPath(path) &&
    (request.headers.accept ?? '').includes('text/html')
  )
}

/** False where the browser says that the address was typed or one of our pages led here. */
function isFromElsewhere({ headers }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site']
  return site !== 'none' && site !== 'same-origin'
}

export function isApiPath(path: string): boolean {
  return path === '/api' || path.startsWith('/api/') || path === '/metrics'
}

/** A direct connection from this machine, not what a proxy on it passes on, nor a page under a foreign name. */
function isLocalProgram(request: FastifyRequest): boolean {
  const { headers } = request
  const passedOn =
    headers['x-forwarded-for'] !== undefined || headers['forwarded'] !== undefined || headers.via !== undefined
  return !passedOn && isLoopbackPeer(request.socket.remoteAddress ?? '') && isLoopbackHost(headers.host ?? '')
}

function foreignName(request: FastifyRequest): ApiError {
  return new ApiError(
    'host-name-refused',
    'this controller listens on this machine only and answers to its names only',
    {
      field: 'Host',
      expected: 'localhost, 127.0.0.1 or [::1]',
      got: (request.headers.host ?? '').slice(0, 80),
    },
  )
}
