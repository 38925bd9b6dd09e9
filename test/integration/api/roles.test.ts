import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'

import { roles, type Role } from '../../../common/verbs.js'
import { startApiFixture, type Answer, type ApiFixture } from '../../support/api-fixture.js'

/**
 * Who may call which route. Every route that changes something, and every one that reads and is not for viewers, is listed here: one that is added
 * without a decision fails.
 */
const decided: Readonly<Record<string, string>> = {
  'GET /healthz': 'public',
  'GET /readyz': 'public',
  'GET /metrics': 'metrics',
  'GET /login': 'public',
  'GET /login.js': 'public',
  'GET /login.css': 'public',
  'POST /login': 'public',
  'POST /api/v1/login-links': 'viewer',
  'POST /api/v1/logout': 'viewer',
  'POST /api/v1/commands': 'owner',
  'POST /api/v1/commands/:id/cancel': 'owner',
  'POST /api/v1/commands/:id/approve': 'operator',
  'POST /api/v1/commands/:id/reject': 'operator',
  'POST /api/v1/plans': 'operator',
  'POST /api/v1/plans/:number/apply': 'operator',
  'POST /api/v1/plans/:number/stop': 'operator',
  'POST /api/v1/alerts/:number/ack': 'operator',
  'POST /api/v1/alerts/:number/remedies': 'operator',
  'POST /api/v1/queue/:id/move': 'operator',
  'POST /api/v1/alerts/silences': 'operator',
  'POST /api/v1/alerts/silences/:id/end': 'operator',
  'POST /api/v1/policy/check': 'operator',
  'GET /api/v1/policy/history/:number': 'operator',
  'POST /api/v1/hosts/:id/maintenance': 'operator',
  'GET /api/v1/audit': 'operator',
  'GET /api/v1/audit/verify': 'operator',
  'POST /api/v1/alerts/routes/:name/test': 'admin',
  'POST /api/v1/agents/:id/revoke': 'admin',
  'POST /api/v1/agents/:id/forget': 'admin',
  'POST /api/v1/agents/:id/hosts': 'admin',
  'POST /api/v1/agents/join-tokens': 'admin',
  'GET /api/v1/agents/join-tokens': 'admin',
  'POST /api/v1/agents/join-tokens/:id/revoke': 'admin',
  'POST /api/v1/ca/rotate': 'admin',
  'POST /api/v1/ca/finish': 'admin',
  'POST /api/v1/store/backup': 'admin',
  'GET /api/v1/store/backup/file': 'admin',
  'POST /api/v1/store/backup/remove': 'admin',
  'POST /api/v1/password': 'viewer',
  'GET /api/v1/users': 'admin',
  'POST /api/v1/users': 'admin',
  'POST /api/v1/users/:name/role': 'admin',
  'POST /api/v1/users/:name/password': 'admin',
  'POST /api/v1/users/:name/remove': 'admin',
  'GET /api/v1/tokens': 'admin',
  'POST /api/v1/tokens': 'admin',
  'POST /api/v1/tokens/:id/revoke': 'admin',
}

let fixture: ApiFixture
const tokens = new Map<string, string>()
const made = z.object({ token: z.string() })
const error = z.object({ code: z.string() })

beforeAll(async () => {
  fixture = await startApiFixture()
  for (const role of roles) await makeToken(role, { name: `the-${role}`, role })
  await makeToken('bound', { name: 'bound', role: 'operator', vms: ['*'] })
})
afterAll(() => fixture.stop())

async function makeToken(key: string, body: object): Promise<void> {
  const answer = await post('/api/v1/tokens', fixture.token, body)
  tokens.set(key, made.parse(JSON.parse(answer.text)).token)
}

function post(path: string, token: string, body: object): Promise<Answer> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  return fixture.ask(path, { method: 'POST', headers, body: JSON.stringify(body) })
}

/** Routes as they are, HEAD left out, which goes as GET. */
function routes(): { readonly key: string; readonly method: string; readonly url: string; readonly access: string }[] {
  return fixture.api.routes
    .filter(({ method }) => method !== 'HEAD')
    .map(({ method, url, access }) => ({ key: `${method} ${url}`, method, url, access }))
}

function askAs(who: string, { method, url }: { readonly method: string; readonly url: string }): Promise<Answer> {
  const headers = { authorization: `Bearer ${tokens.get(who)}`, 'content-type': 'application/json' }
  const path = url.replace(/:\w+/g, '1')
  return fixture.ask(path, method === 'GET' ? { headers } : { method, headers, body: '{}' })
}

const isRole = (access: string): access is Role => roles.some((role) => role === access)

describe('every route', () => {
  it('has a decision on who may call it', () => {
    expect(routes().length).toBeGreaterThan(50)
    const unusual = routes().filter(({ method, access }) => method !== 'GET' || access !== 'viewer')
    expect(Object.fromEntries(unusual.map(({ key, access }) => [key, access]))).toEqual(decided)
    const heads = fixture.api.routes.filter(({ method }) => method === 'HEAD')
    for (const { url, access } of heads)
      expect([url, access]).toEqual([url, routes().find((one) => one.key === `GET ${url}`)?.access])
  })

  it('refuses every role below that, and takes that one', async () => {
    for (const route of routes()) {
      const { key, access, url } = route
      if (!isRole(access)) continue
      for (const role of roles.slice(0, roles.indexOf(access))) {
        const answer = await askAs(role, route)
        expect([key, role, answer.status, error.parse(JSON.parse(answer.text)).code]).toEqual([
          key,
          role,
          403,
          'forbidden',
        ])
      }
      // That one never ends.
      if (url === '/api/v1/events') continue
      const { status } = await askAs(access, route)
      expect([key, access, [401, 403].includes(status)]).toEqual([key, access, false])
    }
  })

  it('takes a token that is bound for no more than reading and commands', async () => {
    for (const route of routes().filter(({ url }) => url !== '/api/v1/events')) {
      if (!isRole(route.access)) continue
      const { status } = await askAs('bound', route)
      expect([route.key, status === 403]).toEqual([route.key, ['operator', 'admin'].includes(route.access)])
    }
  })

  it('that is none tells nobody more than that', async () => {
    for (const role of roles) expect((await askAs(role, { method: 'POST', url: '/api/v1/nothing' })).status).toBe(404)
  })
})

it('where alerts are sent to, and with which secrets in the address, is for operators', async () => {
  const effective = async (role: Role): Promise<string[]> => {
    const { text } = await askAs(role, { method: 'GET', url: '/api/v1/policy' })
    return Object.keys(z.object({ effective: z.record(z.string(), z.unknown()) }).parse(JSON.parse(text)).effective)
  }
  expect(await effective('operator')).toContain('routes')
  for (const role of ['viewer', 'owner'] as const) {
    expect(await effective(role)).not.toContain('routes')
    expect(await effective(role)).toContain('limits')
  }
})
