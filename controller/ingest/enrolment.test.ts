import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { createLog } from '../../common/log.js'
import { openEmbeddedState } from '../store/embedded-state/embedded-state.js'
import type { StateStore } from '../store/state-store.js'
import { AgentRegistry, type AgentRow } from './agent-registry.js'
import { openCertificateAuthority, type CertificateAuthority } from './ca.js'
import { Enrolment } from './enrolment.js'
import type { OpenSession, OpenSessions } from './open-sessions.js'

const start = Date.UTC(2026, 2, 1)
const day = 86_400_000

let directory = ''
let state: StateStore
let ca: CertificateAuthority
let registry: AgentRegistry
let sessions: OpenSessions
let enrolment: Enrolment
let now = start
let refreshed = 0
/** What happened to sessions, such as `agent-1: agent-revoked`. */
let seen: string[] = []

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-enrolment-'))
  state = openEmbeddedState({ path: join(directory, 'state.db') })
  ca = await openCertificateAuthority(state, start)
  registry = new AgentRegistry(state, ca)
  sessions = new Map()
  now = start
  refreshed = 0
  seen = []
  enrolment = new Enrolment({
    audit: () => Promise.resolve(),
    registry,
    ca,
    sessions,
    refreshCertificate: async () => {
      refreshed += 1
    },
    leaveFleet: async (agentId) => {
      seen.push(`${agentId}: left`)
    },
    overlapMs: 10 * day,
    log: createLog('test', 'silent'),
    now: () => now,
  })
})
afterEach(async () => {
  enrolment.stop()
  await state.close()
  rmSync(directory, { recursive: true })
})

async function agent(name: string, hosts: 'any' | readonly string[]): Promise<AgentRow> {
  const token = await registry.createJoinToken({
    now,
    validMs: day,
    grant: hosts === 'any' ? 'any' : 'named',
    note: '',
  })
  const claimed = (hosts === 'any' ? [] : hosts).map((hostId) => ({ hostId, name: hostId }))
  const outcome = await registry.enrol(token, { name, hosts: claimed, now }, async () => new Uint8Array())
  if (outcome.status !== 'enrolled') throw new Error(outcome.reason)
  return outcome.agent
}

/** A stand-in for a stream: it writes down what is done to it. */
function connect(
  row: AgentRow,
  hosts: readonly string[],
  { issuerKeyHash = ca.keyHash, refused = [] }: { issuerKeyHash?: string; refused?: readonly string[] } = {},
): void {
  const session: OpenSession = {
    agent: row,
    issuerKeyHash,
    refusedHosts: refused.map((hostId) => ({ hostId, name: hostId })),
    speaksFor: (hostId) => hosts.includes(hostId),
    askToRenew: () => seen.push(`${row.name}: renew`),
    tellIntervals: () => false,
    end: (reason) => seen.push(`${row.name}: ${reason}`),
  }
  sessions.set(row.id, session)
}

describe('revocation', () => {
  it('ends the session, is kept, and can be said twice', async () => {
    const one = await agent('one', ['h1'])
    const two = await agent('two', ['h2'])
    connect(one, ['h1'])
    connect(two, ['h2'])
    expect(await enrolment.revoke(one.id, 'me')).toMatchObject({ row: { revoked: true, revokedAt: start } })
    expect(seen).toEqual(['one: agent-revoked', `${one.id}: left`])
    now += day
    expect(await enrolment.revoke(one.id, 'me')).toMatchObject({ row: { revokedAt: start } })
    expect(await registry.find(one.id)).toBe(undefined)
    expect(await enrolment.revoke('nobody', 'me')).toBe(undefined)
    const all = new Map((await enrolment.agents()).map(({ row }) => [row.name, row.revoked]))
    expect(all).toEqual(
      new Map([
        ['one', true],
        ['two', false],
      ]),
    )
  })
})

describe('hosts of an agent that is revoked or forgotten', () => {
  it.each(['revoke', 'forget'] as const)(
    'are at once free for one with any host that was refused them: %s',
    async (act) => {
      const one = await agent('one', ['h1', 'h2'])
      connect(await agent('local', 'any'), ['h3'], { refused: ['h2'] })
      connect(await agent('other', 'any'), ['h4'], { refused: ['h5'] })
      connect(await agent('named', ['h6']), ['h6'], { refused: ['h2'] })
      await enrolment[act](one.id, 'me')
      expect(seen).toEqual([`${one.id}: left`, 'local: grants-changed'])
    },
  )
})

describe('forgetting', () => {
  it('removes an agent that is revoked, and one that is away, but none that is connected', async () => {
    const one = await agent('one', ['h1'])
    const two = await agent('two', ['h2'])
    const three = await agent('three', ['h3'])
    connect(one, ['h1'])
    connect(two, ['h2'])
    expect(await enrolment.forget(one.id, 'me')).toEqual({ status: 'connected' })
    await enrolment.revoke(two.id, 'me')
    seen = []
    expect(await enrolment.forget(two.id, 'me')).toMatchObject({ status: 'forgotten', agent: { row: { id: two.id } } })
    expect(await enrolment.forget(three.id, 'me')).toMatchObject({ status: 'forgotten' })
    expect(seen).toContain(`${three.id}: left`)
    expect(await enrolment.forget(three.id, 'me')).toEqual({ status: 'agent-unknown' })
    expect((await enrolment.agents()).map(({ row }) => row.name)).toEqual(['one'])
    expect([await registry.lookUp(two.id), await registry.lookUp(three.id)]).toEqual([undefined, undefined])
    // Its host is free for another.
    expect(await enrolment.grantHost(one.id, 'h3', 'me')).toMatchObject({ status: 'granted' })
  })
})

describe('grants', () => {
  it('restart the session of the agent, and of one that spoke for the host because nobody else did', async () => {
    const one = await agent('one', ['h1'])
    const any = await agent('local', 'any')
    connect(one, ['h1'])
    connect(any, ['h2', 'h3'])
    expect(await enrolment.grantHost(one.id, 'h2', 'me')).toMatchObject({
      status: 'granted',
      agent: { row: { hosts: ['h1', 'h2'] } },
    })
    expect(seen).toEqual(['local: grants-changed', 'one: grants-changed'])
  })

  it('of what it has already change nothing', async () => {
    const one = await agent('one', ['h1'])
    connect(one, ['h1'])
    expect(await enrolment.grantHost(one.id, 'h1', 'me')).toMatchObject({ status: 'granted' })
    expect(seen).toEqual([])
  })

  it('are refused of the hosts of others, to revoked agents and to none', async () => {
    const one = await agent('one', ['h1'])
    const two = await agent('two', ['h2'])
    expect(await enrolment.grantHost(two.id, 'h1', 'me')).toEqual({ status: 'host-taken', by: `one (${one.id})` })
    await enrolment.revoke(one.id, 'me')
    expect(await enrolment.grantHost(one.id, 'h9', 'me')).toEqual({ status: 'agent-unknown' })
    expect(await enrolment.grantHost('nobody', 'h9', 'me')).toEqual({ status: 'agent-unknown' })
    expect(await enrolment.grantHost(two.id, 'h1', 'me')).toMatchObject({ status: 'granted' })
  })
})

describe('rotation', () => {
  it('asks everybody to renew, and is finished when nobody is left who did not', async () => {
    const [one, two] = [await agent('one', ['h1']), await agent('two', ['h2'])]
    const gone = await agent('gone', ['h3'])
    await enrolment.revoke(gone.id, 'me')
    seen = []
    const former = ca.keyHash
    for (const row of [one, two]) await registry.noteCertificate(row.id, { issuer: former, notAfter: now + day })
    connect(one, ['h1'])
    expect(await enrolment.rotate('me')).toBe(true)
    expect(await enrolment.rotate('me')).toBe(false)
    expect(refreshed).toBe(1)
    await vi.waitFor(() => expect(seen).toEqual(['one: renew']))
    expect((await enrolment.authority()).rotation).toEqual({
      startedAt: start,
      overlapEndsAt: start + 10 * day,
      notRenewed: expect.arrayContaining([
        { id: one.id, name: 'one', connected: true },
        { id: two.id, name: 'two', connected: false },
      ]),
    })

    const away = { id: two.id, name: 'two', connected: false }
    const here = { id: one.id, name: 'one', connected: true }
    expect(await enrolment.finishRotation({ force: true, actor: 'me' })).toEqual({
      status: 'not-renewed',
      agents: [here],
    })
    connect(one, ['h1'])
    expect(await enrolment.finishRotation({ force: false, actor: 'me' })).toEqual({
      status: 'not-renewed',
      agents: [away],
    })
    // One that joins meanwhile has a certificate of the new authority, though it has not come yet.
    await agent('three', ['h4'])
    expect(await enrolment.finishRotation({ force: true, actor: 'me' })).toEqual({
      status: 'finished',
      leftBehind: [away],
    })
    expect([refreshed, ca.trusted.length, ca.keyHash === former]).toEqual([2, 1, false])
    expect(await enrolment.finishRotation({ force: true, actor: 'me' })).toEqual({ status: 'no-rotation' })
  })

  it('ends with its overlap; who came with the former authority is sent away', async () => {
    const one = await agent('one', ['h1'])
    connect(one, ['h1'])
    await enrolment.rotate('me')
    await vi.waitFor(() => expect(seen).toEqual(['one: renew']))
    now = start + 10 * day - 1
    await enrolment.endOverlap()
    expect(ca.rotation).toBeDefined()
    now += 1
    await enrolment.endOverlap()
    expect(ca.rotation).toBe(undefined)
    await vi.waitFor(() => expect(seen).toContain('one: other-authority'))
  })

  it('is known to the next start, with both authorities', async () => {
    await enrolment.rotate('me')
    const again = await openCertificateAuthority(state, now)
    expect(again.rotation).toEqual(ca.rotation)
    expect(again.keyHashes).toEqual(ca.keyHashes)
    expect(again.keyHashes).toHaveLength(2)
    expect(again.keyHash).toBe(again.keyHashes[1])
    // The controller shows what everybody knows, and agents get what lasts.
    const { certificatePem, chainPem } = await again.issueServer(now)
    expect(chainPem.startsWith(certificatePem)).toBe(true)
    expect(chainPem).toContain(again.trusted[1]?.certificatePem)
    await again.finishRotation()
    const last = await openCertificateAuthority(state, now)
    expect([last.rotation, last.keyHashes]).toEqual([undefined, [ca.keyHash]])
  })
})
