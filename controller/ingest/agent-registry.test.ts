import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { openEmbeddedState } from '../store/embedded-state/embedded-state.js'
import type { StateStore } from '../store/state-store.js'
import { AgentRegistry, maySpeakFor, type AgentRow } from './agent-registry.js'

const now = Date.UTC(2026, 2, 1)
const hour = 3_600_000
const certificate = new Uint8Array([1, 2, 3])
const certify = async (): Promise<Uint8Array> => certificate

let directory = ''
let state: StateStore
let registry: AgentRegistry

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-registry-'))
  state = openEmbeddedState({ path: join(directory, 'state.db') })
  registry = new AgentRegistry(state, { keyHashes: ['hash-of-the-key'] })
})
afterEach(async () => {
  await state.close()
  rmSync(directory, { recursive: true })
})

function token(grant: 'named' | 'any' = 'named', validMs = hour): Promise<string> {
  return registry.createJoinToken({ now, validMs, grant, note: 'test' })
}

function enrol(joinToken: string, hostIds: readonly string[] = ['h1'], at = now): ReturnType<AgentRegistry['enrol']> {
  return registry.enrol(
    joinToken,
    { name: 'one', hosts: hostIds.map((hostId) => ({ hostId, name: `name-of-${hostId}` })), now: at },
    certify,
  )
}

describe('join tokens', () => {
  it('make one agent, once', async () => {
    const joinToken = await token()
    expect(joinToken).toMatch(/^[\w-]{8}\.[\w-]{32}\.hash-of-the-key$/)
    const first = await enrol(joinToken, ['h1', 'h2'])
    expect(first).toMatchObject({ status: 'enrolled', certificate, agent: { name: 'one', hosts: ['h1', 'h2'] } })
    expect(await enrol(joinToken, ['h3'])).toEqual({ status: 'refused', reason: 'unknown-token' })
    expect(await registry.list()).toHaveLength(1)
  })

  it('keep no secret in the store', async () => {
    const [, secret = ''] = (await token()).split('.')
    const rows = await state.tx(async (tx) => tx.list('joinTokens'))
    expect(JSON.stringify(rows)).not.toContain(secret)
  })

  it('expire, and are gone then', async () => {
    const joinToken = await token('named', hour)
    const late = await enrol(joinToken, ['h1'], now + hour + 1)
    expect(late).toEqual({ status: 'refused', reason: 'expired-token', expiredAt: now + hour })
    expect(await enrol(joinToken, ['h1'], now)).toEqual({ status: 'refused', reason: 'unknown-token' })
    const another = await token('named', hour)
    expect(await enrol(another, ['h1'], now + hour)).toMatchObject({ status: 'enrolled' })
  })

  it('expired ones are swept when a new one is made', async () => {
    await token('named', -1)
    await registry.createJoinToken({ now: now + hour, validMs: hour, grant: 'any', note: '' })
    expect(await state.tx(async (tx) => tx.list('joinTokens'))).toHaveLength(1)
  })

  it('cannot be guessed: a wrong secret of a known id uses nothing up', async () => {
    const joinToken = await token()
    const [id = '', secret = '', hash = ''] = joinToken.split('.')
    const wrong = [
      `${id}.${secret.slice(1)}x.${hash}`,
      `${id}..${hash}`,
      id,
      `.${secret}.${hash}`,
      `${id}x.${secret}.${hash}`,
      '',
      '...',
      '\0',
      'x'.repeat(100_000),
      '__proto__.x.y',
    ]
    for (const guess of wrong) expect(await enrol(guess)).toEqual({ status: 'refused', reason: 'unknown-token' })
    expect(await enrol(joinToken)).toMatchObject({ status: 'enrolled' })
  })

  it('race: of many at once one wins', async () => {
    const joinToken = await token()
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => enrol(joinToken)))
    expect(outcomes.filter((one) => one.status === 'enrolled')).toHaveLength(1)
  })

  it('stay good when the certificate cannot be made, and no agent is left behind', async () => {
    const joinToken = await token()
    const failing = registry.enrol(joinToken, { name: 'one', hosts: [{ hostId: 'h1', name: 'h1' }], now }, async () =>
      Promise.reject(new Error('bad request')),
    )
    await expect(failing).rejects.toThrow('bad request')
    expect(await registry.list()).toEqual([])
    expect(await enrol(joinToken)).toMatchObject({ status: 'enrolled' })
  })

  it('make no certificate for a bad token', async () => {
    let made = 0
    const counting = async (): Promise<Uint8Array> => {
      made += 1
      return certificate
    }
    await registry.enrol('a.b.c', { name: 'x', hosts: [], now }, counting)
    await registry.enrol(await token('named', -1), { name: 'x', hosts: [], now }, counting)
    expect(made).toBe(0)
  })
})

describe('hosts', () => {
  it('belong to one named agent', async () => {
    await enrol(await token(), ['h1', 'h2'])
    const [owner] = await registry.list()
    expect(await enrol(await token(), ['h3', 'h2'])).toEqual({ status: 'refused', reason: 'host-taken', owner })
    expect(await enrol(await token(), ['h3'])).toMatchObject({ status: 'enrolled' })
  })

  it('of a revoked agent are free', async () => {
    const first = await enrol(await token(), ['h1'])
    if (first.status !== 'enrolled') throw new Error('not enrolled')
    await state.tx(async (tx) => tx.put('agents', first.agent.id, { ...first.agent, revoked: true }))
    expect(await registry.find(first.agent.id)).toBe(undefined)
    expect(await registry.list()).toEqual([])
    expect(await enrol(await token(), ['h1'])).toMatchObject({ status: 'enrolled' })
  })

  it('of an agent with any host can be given to a named one', async () => {
    const any = await enrol(await token('any'), ['h1'])
    expect(any).toMatchObject({ agent: { hosts: 'any' } })
    expect(await enrol(await token(), ['h1'])).toMatchObject({ status: 'enrolled' })
  })

  const agent = (id: string, hosts: AgentRow['hosts']): AgentRow => ({
    id,
    name: id,
    enrolledAt: 0,
    hosts,
    revoked: false,
  })
  it.each([
    ['named, its own', agent('a', ['h1']), [], true],
    ['named, another', agent('a', ['h2']), [], false],
    ['named, none', agent('a', []), [], false],
    ['any, free', agent('a', 'any'), [agent('a', 'any'), agent('b', ['h2'])], true],
    ['any, taken', agent('a', 'any'), [agent('b', ['h1'])], false],
    ['any beside any', agent('a', 'any'), [agent('b', 'any')], true],
  ])('%s', (_name, who, others, may) => {
    expect(maySpeakFor(who, 'h1', others)).toBe(may)
  })

  it('a damaged row is no agent', async () => {
    await state.tx(async (tx) => tx.put('agents', 'bad', { id: 'bad' }))
    expect(await registry.find('bad')).toBe(undefined)
    expect(await registry.find('never heard of')).toBe(undefined)
    expect(await registry.list()).toEqual([])
  })
})
