import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import type { TimeSeries } from '../../../controller/store/time-series.js'
import { openTestStore, startApiFixture, type Answer, type ApiFixture, type Ask } from '../../support/api-fixture.js'
import { builtAt } from '../../support/snapshot-builder.js'

let directory: string
let store: TimeSeries
let fixture: ApiFixture
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headroom-access-'))
  store = await openTestStore(directory, () => builtAt)
})
afterAll(async () => {
  await store.close()
  await rm(directory, { recursive: true })
})
beforeEach(async () => {
  fixture = await startApiFixture({ store })
})
afterEach(async () => {
  await fixture.stop()
})

const form = { 'content-type': 'application/x-www-form-urlencoded' }
const minute = 60_000
const day = 86_400_000

function code({ status, text }: Answer): [number, unknown] {
  const body: { code?: unknown } = JSON.parse(text)
  return [status, body.code]
}

const bearer = (): { authorization: string } => ({ authorization: `Bearer ${fixture.token}` })

/** The path of a fresh login link. */
async function loginPath(): Promise<string> {
  const link = await fixture.api.loginLink()
  expect(link.startsWith(`${fixture.api.url}/login?key=`)).toBe(true)
  return link.slice(fixture.api.url.length)
}

function postKey(path: string, more: Ask['headers'] = {}): Promise<Answer> {
  const body = path.slice(path.indexOf('?') + 1)
  return fixture.ask('/login', { method: 'POST', body, headers: { ...form, ...more } })
}

/** Logs in by a fresh link; the cookie as a browser sends it. */
async function logIn(): Promise<string> {
  const answer = await postKey(await loginPath())
  expect([answer.status, answer.headers.location]).toEqual([303, '/'])
  return (answer.headers['set-cookie']?.[0] ?? '').split(';')[0] ?? ''
}

const apiRoutes = `
  fleet hosts hosts/xenhv01 vms vms/bell arrays agents capacity top session
  series?entity=vm:bell&fields=cpuCores events events/history openapi.json nothing`
  .trim()
  .split(/\s+/)
  .map((path) => ({ method: 'GET', path: `/api/v1/${path}` }))
const changes = ['login-links', 'logout', 'nothing'].map((path) => ({ method: 'POST', path: `/api/v1/${path}` }))

describe('without a token or session', () => {
  it.each([
    ...apiRoutes,
    ...changes,
    { method: 'DELETE', path: '/api/v1/vms/bell' },
    { method: 'HEAD', path: '/api/v1/vms' },
  ])('$method $path is refused', async ({ method, path }) => {
    const answer = await fixture.ask(path, { method, headers: { accept: 'text/html' } })
    expect(answer.status).toBe(401)
    expect(answer.headers['www-authenticate']).toBe('Bearer realm="headroom"')
    expect(method === 'HEAD' || code(answer)[1] === 'unauthenticated').toBe(true)
  })

  it.each(['Bearer wrong', 'Bearer ', 'Basic YTpi', `Bearer ${'x'.repeat(501)}`, 'Bearer a b'])(
    'the credentials %j are refused',
    async (authorization) => {
      expect(code(await fixture.ask('/api/v1/fleet', { headers: { authorization } }))).toEqual([401, 'unauthenticated'])
    },
  )

  it('health is answered', async () => {
    expect(code(await fixture.ask('/healthz'))).toEqual([200, undefined])
    expect(JSON.parse((await fixture.ask('/readyz')).text)).toEqual({ ok: true, reasons: [] })
    Object.assign(fixture.readiness, { ok: false, reasons: ['store is down'] })
    const answer = await fixture.ask('/readyz')
    expect([answer.status, JSON.parse(answer.text)]).toEqual([503, { ok: false, reasons: ['store is down'] }])
    expect((await fixture.ask('/healthz')).status).toBe(200)
  })

  it('metrics are answered to this machine, not to what a proxy passes on', async () => {
    const answer = await fixture.ask('/metrics')
    expect(answer.headers['content-type']).toContain('text/plain')
    expect(answer.text).toContain('headroom_api_streams 0')
    for (const headers of [{ 'x-forwarded-for': '10.0.0.1' }, { forwarded: 'for=10.0.0.1' }, { via: '1.1 proxy' }]) {
      expect(code(await fixture.ask('/metrics', { headers }))).toEqual([401, 'unauthenticated'])
      expect((await fixture.ask('/metrics', { headers: { ...headers, ...bearer() } })).status).toBe(200)
    }
  })

  it('a page says how to log in', async () => {
    for (const path of ['/', '/hosts/xenhv01', '/vms']) {
      const answer = await fixture.ask(path, { headers: { accept: 'text/html,*/*' } })
      expect(answer.status).toBe(401)
      expect(answer.headers['content-type']).toBe('text/html; charset=utf-8')
      expect(answer.text).toContain('headroom login')
      expect(answer.text).toContain('name="token"')
    }
    expect(code(await fixture.ask('/'))).toEqual([401, 'unauthenticated'])
  })
})

describe('the token', () => {
  it('opens every route', async () => {
    for (const { path } of apiRoutes.filter(({ path }) => !/events$|nothing$/.test(path))) {
      expect([path, (await fixture.ask(path, { headers: bearer() })).status]).toEqual([path, 200])
    }
    expect(await fixture.get('/api/v1/session')).toEqual({ name: 'local-admin', role: 'admin', via: 'token' })
  })

  it('is readable by its owner only, and kept over a restart', async () => {
    expect((await stat(fixture.tokenFile)).mode & 0o777).toBe(0o600)
    const before = fixture.token
    await fixture.restart()
    expect(fixture.token).toBe(before)
    await fixture.get('/api/v1/fleet')
  })

  it('is stored as a hash only', async () => {
    const rows = await fixture.state.tx((t) => t.list('apiTokens'))
    expect(rows).toEqual([
      {
        key: expect.stringMatching(/^[0-9a-f]{64}$/),
        value: { name: 'local-admin', role: 'admin', createdAt: builtAt },
      },
    ])
    expect(JSON.stringify(rows)).not.toContain(fixture.token)
  })

  it('is made anew when its file is gone or holds another; the old one is void', async () => {
    const before = fixture.token
    await writeFile(fixture.tokenFile, 'somebody-else\n')
    await fixture.restart()
    expect(fixture.token).not.toBe(before)
    expect(await readFile(fixture.tokenFile, 'utf8')).toBe(`${fixture.token}\n`)
    expect((await fixture.ask('/api/v1/fleet', { headers: { authorization: `Bearer ${before}` } })).status).toBe(401)
    await fixture.get('/api/v1/fleet')
  })

  it('wrong ones are slowed down; a right one is not held up', async () => {
    const wrong = { headers: { authorization: 'Bearer wrong' } }
    for (let count = 0; count < 20; count += 1) expect((await fixture.ask('/api/v1/fleet', wrong)).status).toBe(401)
    const refused = await fixture.ask('/api/v1/fleet', wrong)
    expect(code(refused)).toEqual([429, 'too-many-failures'])
    expect(refused.headers['retry-after']).toBe('60')
    expect(code(await postKey('?key=wrong'))).toEqual([429, 'too-many-failures'])
    await fixture.get('/api/v1/fleet')
    fixture.clock.now += minute
    expect((await fixture.ask('/api/v1/fleet', wrong)).status).toBe(401)
  })
})

describe('a login link', () => {
  it('only shows a page: the key is used by its POST, once', async () => {
    const path = await loginPath()
    for (let preview = 0; preview < 3; preview += 1) {
      const page = await fixture.ask(path, { headers: { accept: 'text/html' } })
      expect(page.status).toBe(200)
      expect(page.headers['set-cookie']).toBeUndefined()
      expect(page.text).toContain('id="auto"')
      expect(page.headers['referrer-policy']).toBe('same-origin')
    }
    const first = await postKey(path)
    expect([first.status, first.headers.location]).toEqual([303, '/'])
    expect(first.headers['set-cookie']).toEqual([
      expect.stringMatching(
        /^headroom_session=[\w-]{43}; Path=\/; Expires=Sun, 22 Jan 2012 00:00:00 GMT; HttpOnly; SameSite=Strict$/,
      ),
    ])
    const second = await postKey(path)
    expect(code(second)).toEqual([401, 'login-key-invalid'])
    expect(second.headers['set-cookie']).toBeUndefined()
  })

  it('is void after 15 minutes', async () => {
    const path = await loginPath()
    const late = await loginPath()
    fixture.clock.now += 15 * minute - 1
    expect((await postKey(path)).status).toBe(303)
    fixture.clock.now += 1
    expect(code(await postKey(late))).toEqual([401, 'login-key-invalid'])
  })

  it('is handed out to who has the token', async () => {
    const answer = await fixture.ask('/api/v1/login-links', { method: 'POST', headers: bearer() })
    const { url, expiresAt }: { url: string; expiresAt: number } = JSON.parse(answer.text)
    expect(expiresAt).toBe(builtAt + 15 * minute)
    expect(url.startsWith(`${fixture.api.url}/login?key=`)).toBe(true)
    expect((await postKey(url)).status).toBe(303)
  })

  it('shows a page where it fails in a browser, and escapes what it was given', async () => {
    const answer = await postKey('?key=wrong', { accept: 'text/html' })
    expect([answer.status, answer.headers['content-type']]).toEqual([401, 'text/html; charset=utf-8'])
    expect(answer.text).toContain('role="alert"')
    const page = await fixture.ask(`/login?key=${encodeURIComponent('"><script>alert(1)</script>')}`)
    expect(page.text).not.toContain('<script>alert')
    expect(page.text).toContain('&quot;&gt;&lt;script&gt;')
  })

  it('is not to be used from another site', async () => {
    const path = await loginPath()
    for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { origin: 'http://evil.example' }, { origin: 'null' }]) {
      expect(code(await postKey(path, headers))).toEqual([403, 'cross-site'])
    }
    expect((await postKey(path, { origin: fixture.api.url })).status).toBe(303)
  })

  it('is replaced by a pasted token', async () => {
    const body = `token=${fixture.token}`
    expect((await fixture.ask('/login', { method: 'POST', headers: form, body })).status).toBe(303)
  })
})

describe('a session', () => {
  it('opens the API and tells who', async () => {
    const cookie = await logIn()
    const answer = await fixture.ask('/api/v1/session', { headers: { cookie } })
    expect(JSON.parse(answer.text)).toEqual({
      name: 'local-admin',
      role: 'admin',
      via: 'session',
      expiresAt: builtAt + 7 * day,
    })
  })

  it('survives a restart, not its seven days', async () => {
    const cookie = await logIn()
    await fixture.restart()
    expect((await fixture.ask('/api/v1/fleet', { headers: { cookie } })).status).toBe(200)
    fixture.clock.now += 7 * day
    expect(code(await fixture.ask('/api/v1/fleet', { headers: { cookie } }))).toEqual([401, 'unauthenticated'])
  })

  it('is stored as a hash only', async () => {
    const cookie = await logIn()
    const rows = JSON.stringify(await fixture.state.tx((t) => t.list('sessions')))
    expect(rows).toContain('local-admin')
    expect(rows).not.toContain(cookie.split('=')[1])
  })

  it('ends at logout', async () => {
    const cookie = await logIn()
    const headers = { cookie, 'sec-fetch-site': 'same-origin' }
    const answer = await fixture.ask('/api/v1/logout', { method: 'POST', headers })
    expect(answer.status).toBe(204)
    expect(answer.headers['set-cookie']?.[0]).toContain('headroom_session=;')
    expect((await fixture.ask('/api/v1/fleet', { headers })).status).toBe(401)
  })

  it('changes something only from our own page', async () => {
    const cookie = await logIn()
    const own = `127.0.0.1:${fixture.api.port}`
    const post = (headers: Ask['headers']): Promise<Answer> =>
      fixture.ask('/api/v1/login-links', { method: 'POST', headers: { cookie, ...headers } })
    for (const headers of [
      {},
      { origin: 'null' },
      { origin: 'http://evil.example' },
      { origin: `http://127.0.0.1:${fixture.api.port + 1}` },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'cross-site', origin: `http://${own}` },
      { 'sec-fetch-site': 'none' },
    ]) {
      expect([headers, ...code(await post(headers))]).toEqual([headers, 403, 'cross-site'])
    }
    expect((await post({ origin: `http://${own}` })).status).toBe(200)
    expect((await post({ 'sec-fetch-site': 'same-origin' })).status).toBe(200)
    expect((await fixture.ask('/api/v1/fleet', { headers: { cookie, origin: 'http://evil.example' } })).status).toBe(
      200,
    )
  })

  it('does not cover for a wrong token', async () => {
    const headers = { cookie: await logIn(), authorization: 'Bearer wrong' }
    expect((await fixture.ask('/api/v1/fleet', { headers })).status).toBe(401)
  })
})

describe('the Host header', () => {
  it.each([
    ['localhost', 200],
    ['LOCALHOST:1234', 200],
    ['127.0.0.1', 200],
    ['127.9.9.9:80', 200],
    ['[::1]:8420', 200],
    ['evil.example', 421],
    ['127.0.0.1.evil.example', 421],
    ['localhost.evil.example:8420', 421],
    ['127.0.0.1:80:90', 421],
    ['[::1', 421],
    ['10.0.0.1', 421],
  ])('%s on loopback: %i', async (host, status) => {
    for (const path of ['/healthz', '/login', '/api/v1/fleet']) {
      const answer = await fixture.ask(path, { headers: { host, ...bearer() } })
      expect([path, answer.status]).toEqual([path, status])
    }
  })

  it('is free where the server listens on more', async () => {
    const open = await startApiFixture({ store, host: '0.0.0.0' })
    try {
      expect(open.api.url).toBe(`http://127.0.0.1:${open.api.port}`)
      const headers = { host: 'monitor.lab.example', authorization: `Bearer ${open.token}` }
      expect((await open.ask('/api/v1/fleet', { headers })).status).toBe(200)
      expect((await open.ask('/metrics', { headers: { host: 'monitor.lab.example' } })).status).toBe(401)
    } finally {
      await open.stop()
    }
  })
})

describe('security headers', () => {
  it.each(['/healthz', '/login', '/login.js', '/api/v1/nothing', '/metrics', '/%zz'])('come with %s', async (path) => {
    expect((await fixture.ask(path)).headers).toMatchObject({
      'content-security-policy': expect.stringContaining("default-src 'none'; script-src 'self'"),
      'x-content-type-options': 'nosniff',
      'referrer-policy': path === '/login' ? 'same-origin' : 'no-referrer',
      'cache-control': 'no-store',
    })
  })
})
