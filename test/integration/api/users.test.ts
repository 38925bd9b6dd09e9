import { once } from 'node:events'
import { IncomingMessage, request } from 'node:http'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'

import { elabSnapshot } from '../../support/elab-fleet.js'
import { startApiFixture, type Answer, type ApiFixture, type Ask } from '../../support/api-fixture.js'
import { policyOf } from '../../support/policy-with.js'

/** Users and tokens over HTTP: who gets in, what ends, and what stands in the audit log. */

let fixture: ApiFixture
beforeEach(async () => {
  fixture = await startApiFixture()
})
afterEach(() => fixture.stop())

const minute = 60_000
const day = 86_400_000
const password = 'correct horse battery'

const errorCode = z.object({ code: z.string() })
const session = z.object({ name: z.string(), role: z.string(), via: z.string() })
const newToken = z.object({ id: z.string(), token: z.string() })
const auditList = z.object({ entries: z.array(z.object({ what: z.looseObject({ event: z.string() }) })) })

async function post(path: string, body: object, headers: Ask['headers'] = bearer(fixture.token)): Promise<Answer> {
  return fixture.ask(`/api/v1/${path}`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

const bearer = (token: string): { authorization: string } => ({ authorization: `Bearer ${token}` })

async function addUser(name: string, role = 'owner'): Promise<void> {
  expect((await post('users', { name, role, password })).status).toBe(200)
}

async function makeToken(body: object): Promise<z.infer<typeof newToken>> {
  const answer = await post('tokens', body)
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)])
  return newToken.parse(JSON.parse(answer.text))
}

function logIn(name: string, secret = password, more: Ask['headers'] = {}): Promise<Answer> {
  const body = new URLSearchParams({ name, password: secret }).toString()
  const headers = { 'content-type': 'application/x-www-form-urlencoded', ...more }
  return fixture.ask('/login', { method: 'POST', headers, body })
}

async function cookieOf(name: string, secret = password): Promise<{ cookie: string }> {
  const answer = await logIn(name, secret)
  expect([answer.status, answer.headers.location]).toEqual([303, '/'])
  return { cookie: (answer.headers['set-cookie']?.[0] ?? '').split(';')[0] ?? '' }
}

/** A request whose body comes only when `finish` is called, long after its headers were looked at. */
function slowPost(
  path: string,
  body: object,
  headers: Readonly<Record<string, string>>,
): { readonly headersTaken: Promise<unknown>; readonly finish: () => Promise<number | undefined> } {
  const text = JSON.stringify(body)
  const sent = request(new URL(path, fixture.api.url), {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json', 'content-length': text.length, expect: '100-continue' },
  })
  const answer = once(sent, 'response')
  sent.flushHeaders()
  return {
    headersTaken: once(sent, 'continue'),
    finish: async () => {
      sent.end(text)
      const [response] = await answer
      return response instanceof IncomingMessage ? response.resume().statusCode : undefined
    },
  }
}

async function who(headers: Ask['headers']): Promise<z.infer<typeof session> | number> {
  const { status, text } = await fixture.ask('/api/v1/session', { headers: headers ?? {} })
  return status === 200 ? session.parse(JSON.parse(text)) : status
}

function codeOf({ status, text }: Answer): [number, string] {
  return [status, errorCode.parse(JSON.parse(text)).code]
}

/** Entries of the audit log, the newest last. */
async function audited(): Promise<{ readonly event: string }[]> {
  const { entries } = auditList.parse(await fixture.get('/api/v1/audit?limit=1000'))
  return entries.map(({ what }) => what).toReversed()
}

describe('a password of one’s own', () => {
  const passwords = { oldPassword: password, newPassword: 'another horse battery' }
  const page = { 'sec-fetch-site': 'same-origin' }

  it('is changed by who knows the old one; other sessions end, and this one goes on', async () => {
    await addUser('ann', 'viewer')
    const [here, there] = [await cookieOf('ann'), await cookieOf('ann')]
    const wrong = await post('password', { ...passwords, oldPassword: 'not that one' }, { ...here, ...page })
    expect(codeOf(wrong)).toEqual([403, 'password-wrong'])
    expect((await post('password', passwords, { ...here, ...page })).status).toBe(200)
    expect(await who(here)).toMatchObject({ name: 'ann' })
    expect(await who(there)).toBe(401)
    expect((await logIn('ann')).status).toBe(401)
    expect((await logIn('ann', passwords.newPassword)).status).toBe(303)
    const events = (await audited()).filter(({ event }) => event.includes('password'))
    expect(events).toMatchObject([
      { event: 'password-refused', actor: 'ann', reason: 'a wrong password' },
      { event: 'user-password', actor: 'ann', user: 'ann' },
    ])
    expect(JSON.stringify(await audited())).not.toContain('horse')
  })

  it('is changed with a token of the user too, and by nobody else', async () => {
    await addUser('ann')
    const { token } = await makeToken({ name: 'ann', role: 'viewer', ofUser: true, valid: '1h' })
    const bound = await makeToken({ name: 'ann', role: 'viewer', ofUser: true, valid: '1h', vms: ['a'] })
    const program = await makeToken({ name: 'program', role: 'admin', valid: '1h' })
    for (const secret of [bound.token, program.token, fixture.token])
      expect(codeOf(await post('password', passwords, bearer(secret)))).toEqual([403, 'forbidden'])
    expect((await post('password', { ...passwords, newPassword: 'short' }, bearer(token))).status).toBe(400)
    expect((await post('password', passwords, bearer(token))).status).toBe(200)
  })

  it('can be tried as often as at a login, together with those', async () => {
    await addUser('ann')
    const here = await cookieOf('ann')
    const tries = Array.from({ length: 10 }, () => 0)
    for (const _ of tries) await post('password', { ...passwords, oldPassword: 'guess' }, { ...here, ...page })
    expect(codeOf(await post('password', passwords, { ...here, ...page }))).toEqual([429, 'too-many-failures'])
    expect((await logIn('ann')).status).toBe(429)
  })
})

describe('behind a proxy with TLS', () => {
  const forwarded = { 'x-forwarded-proto': 'https', 'x-forwarded-for': '192.0.2.7' }
  it.each([
    ['that is not named, its word counts for nothing', [], false, '127.0.0.1'],
    ['that is named, the cookie is for https, and who asks is known', ['127.0.0.1'], true, '192.0.2.7'],
    ['that is another one, its word counts for nothing', ['10.0.0.0/8'], false, '127.0.0.1'],
  ])('%s', async (_what, trustProxy, isSecure, address) => {
    await fixture.stop()
    fixture = await startApiFixture({ trustProxy })
    await addUser('ann')
    const answer = await logIn('ann', password, forwarded)
    expect(answer.status).toBe(303)
    expect(String(answer.headers['set-cookie']).includes('Secure')).toBe(isSecure)
    expect(await audited()).toContainEqual(expect.objectContaining({ event: 'login', actor: 'ann', address }))
  })
})

describe('a user', () => {
  it('logs in by name and password, as what the user is', async () => {
    expect((await fixture.ask('/login')).text).not.toContain('name="password"')
    await addUser('ann')
    expect((await fixture.ask('/login')).text).toContain('name="password"')
    expect((await fixture.ask('/', { headers: { accept: 'text/html' } })).text).toContain('name="password"')
    const cookie = await cookieOf('ann')
    expect(await who(cookie)).toEqual({ name: 'ann', role: 'owner', via: 'session' })
    await fixture.restart()
    expect(await who(cookie)).toMatchObject({ name: 'ann' })
    fixture.clock.now += 7 * day
    expect(await who(cookie)).toBe(401)
  })

  it.each([
    ['ann', 'wrong horse battery'],
    ['Ann', password],
    ['bob', password],
    ['ann', ''],
    ["ann' OR '1'='1", password],
    ['local-admin', password],
    ['__proto__', password],
  ])('%j with %j is told the same, whatever is wrong', async (name, secret) => {
    await addUser('ann')
    const answer = await logIn(name, secret)
    expect([answer.status, answer.headers['set-cookie']]).toEqual([401, undefined])
    expect(JSON.parse(answer.text)).toEqual({
      code: 'login-key-invalid',
      message: 'That name or password is wrong.',
    })
    const page = await logIn(name, secret, { accept: 'text/html' })
    expect([page.status, page.text]).toEqual([401, expect.stringContaining('That name or password is wrong.')])
  })

  it('does nothing any more once removed, not even with a request that had begun before', async () => {
    await addUser('mallory', 'admin')
    const { token } = await makeToken({ name: 'mallory', role: 'admin', ofUser: true })
    const late = slowPost('/api/v1/users', { name: 'backdoor', role: 'admin', password }, bearer(token))
    await late.headersTaken
    expect((await post('users/mallory/remove', {})).status).toBe(200)
    expect(await late.finish()).toBe(401)
    expect(await fixture.get('/api/v1/users')).toEqual({ users: [] })
  })

  it('makes a link of a session that ends with it, and lasts no longer', async () => {
    await addUser('ann')
    const link = async (cookie: { cookie: string }): Promise<string> => {
      const origin = new URL(fixture.api.url).origin
      const { text } = await post('login-links', {}, { ...cookie, origin, host: new URL(origin).host })
      return new URL(z.object({ url: z.string() }).parse(JSON.parse(text)).url).search.slice(1)
    }
    const follow = (key: string): Promise<Answer> =>
      fixture.ask('/login', {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: key,
      })
    const first = await cookieOf('ann')
    const before = await link(first)
    await post('users/ann/password', { password: 'another horse battery' })
    expect((await follow(before)).status).toBe(401)
    const second = await cookieOf('ann', 'another horse battery')
    fixture.clock.now += 7 * day - minute
    const { status, headers } = await follow(await link(second))
    const third = { cookie: (headers['set-cookie']?.[0] ?? '').split(';')[0] ?? '' }
    expect([status, await who(third)]).toEqual([303, expect.objectContaining({ name: 'ann' })])
    fixture.clock.now += minute
    expect(await who(third)).toBe(401)
  })

  it('does not log in from a page of another site', async () => {
    await addUser('ann')
    expect(codeOf(await logIn('ann', password, { origin: 'http://evil.example' }))).toEqual([403, 'cross-site'])
  })

  it('has to wait after many wrong passwords, also with the right one, and nobody else has to', async () => {
    await addUser('ann')
    await addUser('bob')
    const old = await cookieOf('ann')
    for (let count = 0; count < 10; count += 1) expect((await logIn('ann', 'guess')).status).toBe(401)
    const held = await logIn('ann')
    expect(codeOf(held)).toEqual([429, 'too-many-failures'])
    expect(held.headers['retry-after']).toBe('300')
    await cookieOf('bob')
    expect(await who(old)).toMatchObject({ name: 'ann' })
    fixture.clock.now += 5 * minute
    await cookieOf('ann')
  })

  it.each<readonly [string, (cookie: Ask['headers']) => Promise<unknown>, number]>([
    ['is removed', () => post('users/ann/remove', {}), 401],
    ['has another password', () => post('users/ann/password', { password: `${password}!` }), 401],
    ['has another role', () => post('users/ann/role', { role: 'admin' }), 401],
    ['logs out', (cookie) => post('logout', {}, { ...cookie, 'sec-fetch-site': 'same-origin' }), 401],
  ])('who %s has no session any more', async (_what, change, status) => {
    await addUser('ann')
    const [cookie, other] = [await cookieOf('ann'), bearer((await makeToken({ name: 'ci', role: 'viewer' })).token)]
    await change(cookie)
    expect(await who(cookie)).toBe(status)
    expect(await who(other)).toMatchObject({ name: 'ci' })
    await fixture.restart()
    expect(await who(cookie)).toBe(status)
  })

  it('with a new password gets in with that alone', async () => {
    await addUser('ann')
    await post('users/ann/password', { password: 'quite another one' })
    expect((await logIn('ann')).status).toBe(401)
    await cookieOf('ann', 'quite another one')
  })

  it.each([
    [{ name: 'Ann', role: 'viewer', password }, 409, 'name-taken'],
    [{ name: 'CI', role: 'viewer', password }, 409, 'name-taken'],
    [{ name: 'local-admin', role: 'viewer', password }, 409, 'name-taken'],
    [{ name: 'bob', role: 'viewer', password: 'short' }, 400, 'request-invalid'],
    [{ name: 'bob', role: 'root', password }, 400, 'request-invalid'],
    [{ name: 'a b', role: 'viewer', password }, 400, 'request-invalid'],
    [{ name: '../x', role: 'viewer', password }, 400, 'request-invalid'],
    [{ name: 'x\n', role: 'viewer', password }, 400, 'request-invalid'],
  ])('%j is not added', async (body, status, code) => {
    await addUser('ann')
    await makeToken({ name: 'ci', role: 'viewer' })
    const answer = await post('users', body)
    expect(codeOf(answer)).toEqual([status, code])
    // What was typed as a password stands in no answer.
    expect(answer.text).not.toContain(body.password)
  })

  it('has a hash and no password in the state, and neither in answers, audit or log', async () => {
    await addUser('ann')
    await cookieOf('ann')
    await logIn('ann', 'a wrong secret 12345')
    await logIn('a typed secret 12345', 'x')
    const { token } = await makeToken({ name: 'ci', role: 'viewer' })
    const rows = await fixture.state.tx(async (t) => {
      const tables = ['users', 'apiTokens', 'sessions', 'audit'] as const
      return Promise.all(tables.map((table) => t.list(table)))
    })
    const kept = JSON.stringify(rows)
    expect(kept).toMatch(/"passwordHash":"scrypt\$4\$8\$1\$[\w-]{22}\$[\w-]{43}"/)
    for (const secret of [password, token, '12345', fixture.token]) expect(kept).not.toContain(secret)
    const answers = JSON.stringify([await fixture.get('/api/v1/users'), await fixture.get('/api/v1/tokens')])
    for (const secret of ['scrypt', token]) expect(answers).not.toContain(secret)
  })
})

describe('a token', () => {
  it('holds until it is over or revoked, and so do the sessions that it opened', async () => {
    const { id, token } = await makeToken({ name: 'ci', role: 'operator', valid: '1h' })
    expect(await who(bearer(token))).toEqual({ name: 'ci', role: 'operator', via: 'token' })
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const answer = await fixture.ask('/login', { method: 'POST', headers, body: `token=${token}` })
    const cookie = { cookie: (answer.headers['set-cookie']?.[0] ?? '').split(';')[0] ?? '' }
    expect(await who(cookie)).toEqual({ name: 'ci', role: 'operator', via: 'session' })
    fixture.clock.now += 60 * minute - 1
    expect(await who(cookie)).toMatchObject({ name: 'ci' })
    fixture.clock.now += 1
    expect([await who(bearer(token)), await who(cookie)]).toEqual([401, 401])
    const second = await makeToken({ name: 'ci', role: 'operator' })
    await post(`tokens/${second.id}/revoke`, {})
    expect(await who(bearer(second.token))).toBe(401)
    expect(codeOf(await post(`tokens/${id}/revoke`, {}))).toEqual([404, 'token-unknown'])
    expect(codeOf(await post(`tokens/${second.id}/revoke`, {}))).toEqual([404, 'token-unknown'])
  })

  it('makes no login link that outlives it', async () => {
    const { id, token } = await makeToken({ name: 'ci', role: 'viewer' })
    const answer = await post('login-links', {}, bearer(token))
    const { url } = z.object({ url: z.string() }).parse(JSON.parse(answer.text))
    await post(`tokens/${id}/revoke`, {})
    const body = url.slice(url.indexOf('?') + 1)
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    expect(codeOf(await fixture.ask('/login', { method: 'POST', headers, body }))).toEqual([401, 'login-key-invalid'])
  })

  it('of a user is never more than the user, and ends with the user', async () => {
    await addUser('ann', 'operator')
    expect(codeOf(await post('tokens', { name: 'ann', role: 'admin', ofUser: true }))).toEqual([403, 'forbidden'])
    expect(codeOf(await post('tokens', { name: 'ann', role: 'viewer' }))).toEqual([409, 'name-taken'])
    expect(codeOf(await post('tokens', { name: 'bob', role: 'viewer', ofUser: true }))).toEqual([404, 'user-unknown'])
    expect(codeOf(await post('tokens', { name: 'x', role: 'admin', vms: ['*'] }))).toEqual([400, 'request-invalid'])
    const { token } = await makeToken({ name: 'ann', role: 'operator', ofUser: true })
    expect(await who(bearer(token))).toMatchObject({ name: 'ann', role: 'operator' })
    await post('users/ann/role', { role: 'viewer' })
    expect(await who(bearer(token))).toMatchObject({ name: 'ann', role: 'viewer' })
    await post('users/ann/remove', {})
    expect(await who(bearer(token))).toBe(401)
    await addUser('ann', 'admin')
    expect(await who(bearer(token))).toBe(401)
  })

  it('of this machine cannot be revoked over the API', async () => {
    const { tokens } = z
      .object({ tokens: z.array(z.object({ id: z.string(), name: z.string() })) })
      .parse(await fixture.get('/api/v1/tokens'))
    expect(tokens.map(({ name }) => name)).toEqual(['local-admin'])
    expect((await post(`tokens/${tokens[0]?.id}/revoke`, {})).status).toBe(404)
    await fixture.get('/api/v1/fleet')
  })
})

describe('the audit log', () => {
  it('tells who came in, who was refused, and what was changed of users and tokens', async () => {
    await addUser('ann', 'viewer')
    const cookie = await cookieOf('ann')
    await logIn('ann', 'wrong')
    await logIn('nobody', 'wrong')
    await post('users/ann/role', { role: 'owner' }, { ...cookie, 'sec-fetch-site': 'same-origin' })
    await post('users/ann/role', { role: 'owner' })
    await post('users/ann/password', { password: 'quite another one' })
    const { id } = await makeToken({ name: 'ci', role: 'owner', vms: ['lab*'] })
    await post(`tokens/${id}/revoke`, {})
    await fixture.ask('/api/v1/fleet', { headers: bearer('wrong') })
    await post('users/ann/remove', {})
    const address = '127.0.0.1'
    expect(await audited()).toEqual([
      { event: 'user-added', user: 'ann', role: 'viewer', actor: 'local-admin' },
      { event: 'login', actor: 'ann', by: 'password', address },
      { event: 'login-refused', actor: 'ann', by: 'password', address, reason: 'a wrong password' },
      { event: 'login-refused', by: 'password', address, reason: 'a wrong password' },
      {
        event: 'request-refused',
        actor: 'ann',
        address,
        method: 'POST',
        route: '/api/v1/users/:name/role',
        reason: 'forbidden: this needs the role admin, and ann is viewer',
      },
      { event: 'user-role', user: 'ann', role: 'owner', actor: 'local-admin' },
      { event: 'user-password', user: 'ann', actor: 'local-admin' },
      expect.objectContaining({
        event: 'token-made',
        token: 'ci',
        role: 'owner',
        scope: { vms: ['lab*'] },
        actor: 'local-admin',
      }),
      { event: 'token-revoked', token: 'ci', tokenId: id, actor: 'local-admin' },
      {
        event: 'request-refused',
        address,
        method: 'GET',
        route: '/api/v1/fleet',
        reason: 'unauthenticated: the token is not valid',
      },
      { event: 'user-removed', user: 'ann', role: 'owner', actor: 'local-admin' },
    ])
    expect(await fixture.get('/api/v1/audit/verify')).toMatchObject({ entries: 11 })
  })

  it('is not filled by who is refused, and says how many were left out', async () => {
    await addUser('ann', 'viewer')
    const { token } = await makeToken({ name: 'ann', role: 'viewer', ofUser: true })
    for (let count = 0; count < 150; count += 1) await fixture.ask('/api/v1/fleet', { headers: bearer('wrong') })
    await post('users/ann/role', { role: 'admin' }, bearer(token))
    const events = (await audited()).map(({ event }) => event)
    expect(events.filter((event) => event === 'request-refused')).toHaveLength(101)
    // What somebody who is known tried is not hidden by what strangers did.
    expect((await audited()).at(-1)).toMatchObject({ event: 'request-refused', actor: 'ann' })
    fixture.clock.now += minute
    await fixture.ask('/api/v1/fleet', { headers: bearer('wrong') })
    expect((await audited()).at(-1)).toMatchObject({ leftOutBefore: 50 })
  })
})

describe('a second person', () => {
  const vm = [...elabSnapshot().vms.values()].find(({ name }) => name === 'bell')

  it('is needed for what the policy says, in a dry run that is said', async () => {
    fixture.rules.policy = policyOf('approvals: [{ risk: [destructive] }]')
    const answer = await post('commands', { verb: 'destroy', vm: 'bell', dryRun: true })
    const { verdicts } = z
      .object({ verdicts: z.array(z.object({ check: z.string(), ok: z.boolean(), says: z.string() })) })
      .parse(JSON.parse(answer.text))
    expect(vm).toBeDefined()
    expect(verdicts.at(-1)).toEqual({
      check: 'approval',
      ok: true,
      says: 'a second person has to approve it: another operator (approvals.0)',
    })
    expect(verdicts.find(({ check }) => check === 'role')).toEqual({
      check: 'role',
      ok: true,
      says: 'local-admin is admin',
    })
    const start = await post('commands', { verb: 'start', vm: 'bell', dryRun: true })
    expect(start.text).not.toContain('approval')
  })
})
