import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

import {
  sampleAgents,
  sampleAlert,
  sampleAlertDetail,
  sampleAlertHistory,
  sampleAlertRoutes,
  sampleAlerts,
  sampleArrays,
  sampleAuthority,
  sampleCapacity,
  sampleEvents,
  sampleFleet,
  sampleHosts,
  sampleJoinTokens,
  sampleNow,
  samplePolicy,
  samplePolicyCheck,
  samplePolicyVersions,
  sampleRouteTest,
  sampleSilences,
  sampleTop,
  sampleVms,
  sampleWhy,
} from './sample-views.js'

export const standInToken = 'stand-in-token'

export interface Answer {
  readonly status: number
  readonly body: unknown
}

/** What it answers to a method and path below /api/v1/; undefined: what it usually does. */
export type Override = (method: string, url: URL) => Answer | 'hang' | 'break-off' | undefined

export interface StandIn {
  readonly url: string
  /** Method and address of every request that came, the newest last. */
  readonly requests: readonly string[]
  readonly close: () => Promise<void>
}

/**
 * A stand-in for the controller, for tests of its clients: a real HTTP server on a free port that gives canned answers
 * (sample-views.ts) in pages of two rows. It decides nothing and remembers nothing.
 */
export async function startStandIn(override: Override = () => undefined): Promise<StandIn> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    const method = request.method ?? ''
    const url = new URL(request.url ?? '/', 'http://stand-in')
    requests.push(`${method} ${url.pathname}${url.search}`)
    const given = override(method, url)
    if (given === 'hang') return
    if (given === 'break-off') request.socket.destroy()
    else answer(response, given ?? (allowed(request) ? usual(method, url) : refused))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const refused: Answer = { status: 401, body: { code: 'unauthenticated', message: 'no valid token' } }

function allowed({ headers }: IncomingMessage): boolean {
  return headers.authorization === `Bearer ${standInToken}`
}

function answer(response: ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
}

function usual(method: string, { pathname, searchParams }: URL): Answer {
  const [, resource = '', name] = /^\/api\/v1\/([^/]+)(?:\/(.+))?$/u.exec(pathname) ?? []
  const wanted = decodeURIComponent(name ?? '')
  switch (`${method} ${resource}${name === undefined ? '' : '/:'}`) {
    case 'GET fleet':
      return ok(sampleFleet)
    case 'GET hosts':
      return ok(page('hosts', sampleHosts, searchParams))
    case 'GET vms':
      return ok(page('vms', sampleVms, searchParams))
    case 'GET hosts/:':
      return found(
        'host',
        sampleHosts.find((host) => host.id === wanted || host.name === wanted),
      )
    case 'GET vms/:':
      if (wanted === `${sampleWhy.uuid}/why`) return ok(sampleWhy)
      return found(
        'vm',
        sampleVms.find((vm) => vm.uuid === wanted || vm.name === wanted),
      )
    case 'GET arrays':
      return ok({ arrays: sampleArrays })
    case 'GET arrays/:':
      return found(
        'array',
        sampleArrays.find((array) => array.key === wanted || array.name === wanted),
      )
    case 'GET agents':
      return ok({ agents: sampleAgents })
    case 'GET agents/:':
      return wanted === 'join-tokens' ? ok({ joinTokens: sampleJoinTokens }) : found('agent', undefined)
    case 'POST agents/:':
      return changed(wanted)
    case 'GET ca':
      return ok(sampleAuthority)
    case 'POST ca/:':
      return ok(wanted === 'rotate' ? sampleAuthority : { authority: sampleAuthority, leftBehind: [] })
    case 'GET capacity':
      return ok(sampleCapacity)
    case 'GET policy':
      return ok(samplePolicy)
    case 'GET policy/:':
      return policyVersion(wanted)
    case 'POST policy/:':
      return ok(samplePolicyCheck)
    case 'GET top':
      return ok(sampleTop(searchParams.get('by') ?? ''))
    case 'GET events/:':
      return ok({ events: sampleEvents.filter(({ vmName }) => vmName === (searchParams.get('vm') ?? vmName)) })
    case 'GET alerts':
      return ok({ alerts: sampleAlerts })
    case 'GET alerts/:':
      return alertAnswer(wanted)
    case 'POST alerts/:':
      return changedAlert(wanted)
    case 'POST login-links':
      return ok({ url: 'http://127.0.0.1:8420/login?key=once', expiresAt: sampleNow + 600_000 })
    default:
      return { status: 404, body: { code: 'route-unknown', message: 'no such route' } }
  }
}

/** What is asked of the policy: the part of the address after `policy/`. */
function policyVersion(what: string): Answer {
  if (what === 'history') return ok({ versions: samplePolicyVersions })
  const version = samplePolicyVersions.find(({ number }) => what === `history/${number}`)
  if (version === undefined)
    return { status: 404, body: { code: 'policy-version-unknown', message: 'no such version' } }
  return ok({ ...version, text: `limits: { hostReserve: ${version.number}GiB }\n` })
}

function alertAnswer(what: string): Answer {
  if (what === 'history') return ok({ history: sampleAlertHistory })
  if (what === 'silences') return ok({ silences: sampleSilences })
  if (what === 'routes') return ok({ routes: sampleAlertRoutes })
  return what === '12' ? ok(sampleAlertDetail) : found('alert', undefined)
}

function changedAlert(what: string): Answer {
  if (what === 'silences') return ok(sampleSilences[0])
  if (what.startsWith('silences/')) return ok({ id: what.split('/')[1] })
  if (what === 'routes/admins/test') return ok({ results: sampleRouteTest })
  return what === '12/ack' ? ok(sampleAlert()) : found('alert', undefined)
}

/** What is asked of agents and join tokens: the part of the address after `agents/`. */
function changed(what: string): Answer {
  const [name, act] = what.split('/')
  if (what === 'join-tokens') {
    return ok({ ...sampleJoinTokens[0], token: 'aB3dE6gH.secret.hash', grpcPort: 8421, grpcLoopback: true })
  }
  if (name === 'join-tokens') return ok({ id: act })
  return found(
    'agent',
    sampleAgents.find((agent) => agent.id === name || agent.name === name),
  )
}

function ok(body: unknown): Answer {
  return { status: 200, body }
}

function found(what: string, body: unknown): Answer {
  return body === undefined
    ? { status: 404, body: { code: `${what}-unknown`, message: `no ${what} of that name` } }
    : ok(body)
}

function page(key: string, rows: readonly unknown[], query: URLSearchParams): unknown {
  const from = Number(query.get('cursor') ?? '0')
  const next = from + 2
  return { [key]: rows.slice(from, next), ...(next < rows.length ? { nextCursor: String(next) } : {}) }
}
