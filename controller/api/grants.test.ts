import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createLog } from '../../common/log.js'
import { openEmbeddedState } from '../store/embedded-state/embedded-state.js'
import type { StateStore } from '../store/state-store.js'
import { Grants } from './grants.js'

let directory: string
let state: StateStore
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headroom-grants-'))
  state = openEmbeddedState({ path: join(directory, 'state.db') })
})
afterEach(async () => {
  await state.close()
  await rm(directory, { recursive: true })
})

const load = (most = 10): Promise<Grants> =>
  Grants.load({ state, table: 'sessions', most, log: createLog('test', 'silent') })
const grant = (name: string, createdAt: number, expiresAt?: number): Parameters<Grants['add']>[0] => ({
  name,
  role: 'admin',
  createdAt,
  ...(expiresAt !== undefined && { expiresAt }),
})

describe('grants', () => {
  it('are found by their secret, also after a restart, until they expire', async () => {
    const secret = await (await load()).add(grant('me', 5, 10), 5)
    for (const grants of [await load(), await load()]) {
      expect(grants.find(secret, 9)).toEqual({ name: 'me', role: 'admin', createdAt: 5, expiresAt: 10 })
      expect(grants.find(secret, 10)).toBeUndefined()
      expect(grants.find(`${secret}x`, 9)).toBeUndefined()
    }
  })

  it('are gone for good when removed', async () => {
    const grants = await load()
    const [first, second] = [await grants.add(grant('a', 1), 1), await grants.add(grant('b', 2), 2)]
    await grants.remove(first)
    await grants.removeNamed('b')
    for (const each of [grants, await load()])
      expect([each.find(first, 3), each.find(second, 3)]).toEqual([undefined, undefined])
  })

  it('are no more than allowed: what is expired goes, then the oldest', async () => {
    const grants = await load(2)
    await grants.add(grant('expired', 1, 2), 1)
    const old = await grants.add(grant('old', 3), 3)
    const middle = await grants.add(grant('middle', 4), 4)
    expect(grants.find(old, 4)?.name).toBe('old')
    await grants.add(grant('new', 5), 5)
    expect([grants.find(old, 5), grants.find(middle, 5)?.name]).toEqual([undefined, 'middle'])
    const rows = await state.tx((t) => t.list('sessions'))
    expect(rows).toHaveLength(2)
  })

  it('that cannot be read are ignored', async () => {
    await state.tx((t) => t.put('sessions', 'x', { name: 'me', role: 'emperor', createdAt: 1 }))
    const secret = await (await load()).add(grant('me', 1), 1)
    expect((await load()).find(secret, 1)?.name).toBe('me')
  })
})
