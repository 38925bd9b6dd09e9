import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'

import { agentView, errorView, joinTokenView, newJoinTokenView } from '../../../controller/api/views.js'
import type { OpenSession } from '../../../controller/ingest/open-sessions.js'
import { startApiFixture, type ApiFixture } from '../../support/api-fixture.js'

let fixture: ApiFixture
beforeAll(async () => {
  fixture = await startApiFixture({
    agentEndpoint: { host: '0.0.0.0', port: 8421, advertise: 'headroom.example:8421' },
  })
})
afterAll(async () => {
  await fixture.stop()
})

async function post(path: string, body?: unknown): Promise<{ status: number; json: unknown }> {
  const { status, text } = await fixture.ask(path, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${fixture.token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status, json: JSON.parse(text) as unknown }
}

async function enrolled(name: string, hostIds: readonly string[]): Promise<string> {
  const now = fixture.clock.now
  const token = await fixture.agents.createJoinToken({ now, validMs: 60_000, grant: 'named', note: '' })
  const hosts = hostIds.map((hostId) => ({ hostId, name: hostId }))
  const outcome = await fixture.agents.enrol(token, { name, hosts, now }, async () => new Uint8Array())
  if (outcome.status !== 'enrolled') throw new Error(outcome.reason)
  return outcome.agent.id
}

const listed = async (): Promise<z.infer<typeof agentView>[]> =>
  z.object({ agents: z.array(agentView) }).parse(await fixture.get('/api/v1/agents')).agents

describe('join tokens', () => {
  it('are shown once, listed without their secret, and made void', async () => {
    const { status, json } = await post('/api/v1/agents/join-tokens', { hosts: ['xenhv09'], valid: '2h', note: 'new' })
    const made = newJoinTokenView.parse(json)
    expect([status, made]).toMatchObject([
      200,
      {
        hosts: ['xenhv09'],
        note: 'new',
        expiresAt: fixture.clock.now + 7_200_000,
        grpcPort: 8421,
        grpcLoopback: false,
        advertise: 'headroom.example:8421',
      },
    ])
    expect(made.token.startsWith(`${made.id}.`)).toBe(true)
    const list = await fixture.get('/api/v1/agents/join-tokens')
    const { joinTokens } = z.object({ joinTokens: z.array(joinTokenView.strict()) }).parse(list)
    expect(joinTokens.map(({ id }) => id)).toContain(made.id)
    expect((await post(`/api/v1/agents/join-tokens/${made.id}/revoke`)).status).toBe(200)
    expect(await post(`/api/v1/agents/join-tokens/${made.id}/revoke`)).toMatchObject({
      status: 404,
      json: { code: 'join-token-unknown' },
    })
  })

  it('last an hour unless said otherwise', async () => {
    expect((await post('/api/v1/agents/join-tokens', {})).json).toMatchObject({
      expiresAt: fixture.clock.now + 3_600_000,
      hosts: [],
    })
  })

  it.each<[body: unknown, field: string]>([
    [{ valid: '59s' }, 'valid'],
    [{ valid: '31d' }, 'valid'],
    [{ valid: 3600 }, 'valid'],
    [{ hosts: ['a b'] }, 'hosts.0'],
    [{ hosts: ['<script>'] }, 'hosts.0'],
    [{ hosts: Array.from({ length: 101 }, () => 'a') }, 'hosts'],
    [{ note: 'x'.repeat(201) }, 'note'],
    [{ grant: 'any' }, 'grant'],
  ])('%j is refused', async (body, field) => {
    const { status, json } = await post('/api/v1/agents/join-tokens', body)
    expect([status, errorView.parse(json)]).toMatchObject([400, { code: 'request-invalid', field }])
  })
})

describe('agents', () => {
  it('that have not come yet are listed with what they were granted', async () => {
    const id = await enrolled('early', ['h-early'])
    expect((await listed()).find((agent) => agent.id === id)).toEqual({
      id,
      name: 'early',
      version: '',
      connected: false,
      since: fixture.clock.now,
      hosts: [],
      spoolReports: 0,
      droppedReports: 0,
      skippedTicks: 0,
      collectors: [],
      enrolment: {
        enrolledAt: fixture.clock.now,
        anyHost: false,
        grantedHosts: [{ id: 'h-early', name: 'h-early' }],
        refusedHosts: [],
      },
    })
  })

  it('are revoked by name or id, and stay in the list', async () => {
    const id = await enrolled('leaving', ['h-leaving'])
    expect(await post('/api/v1/agents/leaving/revoke')).toMatchObject({
      status: 200,
      json: { id, enrolment: { revokedAt: fixture.clock.now } },
    })
    expect(await post('/api/v1/agents/leaving/revoke')).toMatchObject({ status: 404, json: { code: 'agent-unknown' } })
    expect((await post(`/api/v1/agents/${id}/revoke`)).status).toBe(200)
    expect((await listed()).find((agent) => agent.id === id)?.enrolment?.revokedAt).toBe(fixture.clock.now)
  })

  it('are forgotten by name or id, once they are revoked or away', async () => {
    const id = await enrolled('going', ['h-going'])
    const row = await fixture.agents.find(id)
    if (row === undefined) throw new Error('not enrolled')
    const session: OpenSession = {
      agent: row,
      issuerKeyHash: '',
      refusedHosts: [],
      speaksFor: () => false,
      askToRenew: () => undefined,
      tellIntervals: () => false,
      end: () => undefined,
    }
    fixture.sessions.set(id, session)
    const forget = (name: string): ReturnType<typeof post> => post(`/api/v1/agents/${name}/forget`)
    expect(await forget('going')).toMatchObject({ status: 409, json: { code: 'agent-connected' } })
    // One of its name that is revoked is meant rather than the one that is connected.
    const former = await enrolled('going', ['h-former'])
    await post(`/api/v1/agents/${former}/revoke`)
    expect(await forget('going')).toMatchObject({ status: 200, json: { id: former } })
    expect((await listed()).filter(({ name }) => name === 'going').map((agent) => agent.id)).toEqual([id])
    fixture.sessions.delete(id)
    expect(await forget(id)).toMatchObject({ status: 200, json: { id } })
    expect(await forget(id)).toMatchObject({ status: 404, json: { code: 'agent-unknown' } })
    expect((await listed()).filter(({ name }) => name === 'going')).toEqual([])
  })

  it('of one name are told apart by id', async () => {
    await enrolled('twin', ['h-twin-1'])
    const id = await enrolled('twin', ['h-twin-2'])
    expect(await post('/api/v1/agents/twin/revoke')).toMatchObject({ status: 409, json: { code: 'name-ambiguous' } })
    expect((await post(`/api/v1/agents/${id}/revoke`)).status).toBe(200)
    expect((await post('/api/v1/agents/twin/revoke')).status).toBe(200)
  })

  it('are granted a host by an id, by a name of the fleet, and by a name that they were refused', async () => {
    const id = await enrolled('growing', ['h-growing'])
    const row = await fixture.agents.find(id)
    if (row === undefined) throw new Error('not enrolled')
    const session: OpenSession = {
      agent: row,
      issuerKeyHash: '',
      refusedHosts: [{ hostId: 'h-new', name: 'newcomer' }],
      speaksFor: () => false,
      askToRenew: () => undefined,
      tellIntervals: () => false,
      end: () => undefined,
    }
    fixture.sessions.set(id, session)
    const grant = (host: string): ReturnType<typeof post> => post('/api/v1/agents/growing/hosts', { host })
    const uuid = '5a1e0000-0000-4000-8000-00000000beef'
    for (const host of [uuid, 'xenhv01', 'newcomer', 'newcomer']) expect((await grant(host)).status).toBe(200)
    fixture.sessions.delete(id)
    const known = [...fixture.fleet.snapshot().hosts.values()].find(({ name }) => name === 'xenhv01')?.id
    expect((await fixture.agents.find(id))?.hosts).toEqual(['h-growing', uuid, known, 'h-new'])
    expect(await grant('nowhere')).toMatchObject({ status: 404, json: { code: 'host-unknown' } })
    expect(await post('/api/v1/agents/nobody/hosts', { host: uuid })).toMatchObject({
      status: 404,
      json: { code: 'agent-unknown' },
    })
    await enrolled('other', ['h-other'])
    expect(await post('/api/v1/agents/other/hosts', { host: uuid })).toMatchObject({
      status: 409,
      json: { code: 'host-taken', message: expect.stringContaining('growing') },
    })
  })
})

describe('the certificate authority', () => {
  it('is rotated once at a time, and not finished while agents would be shut out', async () => {
    expect(await post('/api/v1/ca/finish', {})).toMatchObject({ status: 409, json: { code: 'no-rotation' } })
    const id = await enrolled('slow', ['h-slow'])
    expect((await post('/api/v1/ca/rotate')).status).toBe(200)
    expect(await post('/api/v1/ca/rotate')).toMatchObject({ status: 409, json: { code: 'rotation-under-way' } })
    expect(await post('/api/v1/ca/finish', {})).toMatchObject({
      status: 409,
      json: { code: 'agents-not-renewed', message: expect.stringContaining(`slow (${id}, away)`) },
    })
    const { json } = await post('/api/v1/ca/finish', { force: true })
    const names = z.object({ leftBehind: z.array(z.object({ name: z.string() })) }).parse(json).leftBehind
    expect(names.map(({ name }) => name)).toContain('slow')
    expect(await fixture.get('/api/v1/ca')).not.toHaveProperty('rotation')
  })
})
