import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createLog } from '../../common/log.js'
import { openEmbeddedState } from '../store/embedded-state/embedded-state.js'
import type { StateStore } from '../store/state-store.js'
import { tokenSchema, type Token } from '../access/caller.js'
import { Grants, TooManyGrants } from './grants.js'

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

const load = (bounds: { most?: number; mostOfName?: number } = {}): Promise<Grants<Token>> =>
  Grants.load({
    state,
    table: 'sessions',
    schema: tokenSchema,
    most: 10,
    ...bounds,
    log: createLog('test', 'silent'),
  })
const grant = (name: string, createdAt: number, expiresAt?: number): Token => ({
  name,
  role: 'admin',
  createdAt,
  ...(expiresAt !== undefined && { expiresAt }),
})

describe('grants', () => {
  it('are found by their secret, also after a restart, until they expire', async () => {
    const { secret } = await (await load()).add(grant('me', 5, 10), 5)
    for (const grants of [await load(), await load()]) {
      expect(grants.find(secret, 9)?.grant).toEqual({ name: 'me', role: 'admin', createdAt: 5, expiresAt: 10 })
      expect(grants.find(secret, 10)).toBeUndefined()
      expect(grants.find(`${secret}x`, 9)).toBeUndefined()
    }
  })

  it('are gone for good when removed', async () => {
    const grants = await load()
    const made = [
      await grants.add(grant('a', 1), 1),
      await grants.add(grant('b', 2), 2),
      await grants.add(grant('c', 3), 3),
    ]
    expect(await grants.removeWhere(({ grant: { name } }) => name !== 'c')).toBe(2)
    for (const each of [grants, await load()])
      expect(made.map(({ secret }) => each.find(secret, 3)?.grant.name)).toEqual([undefined, undefined, 'c'])
  })

  it('are no more of one name than allowed: what is expired goes, then the oldest of that name', async () => {
    const grants = await load({ mostOfName: 2 })
    await grants.add(grant('me', 1, 2), 1)
    const other = await grants.add(grant('other', 2), 2)
    const [old, middle, fresh] = [
      await grants.add(grant('me', 3), 3),
      await grants.add(grant('me', 4), 4),
      await grants.add(grant('me', 5), 5),
    ]
    expect([other, old, middle, fresh].map(({ secret }) => grants.find(secret, 5)?.grant.createdAt)).toEqual([
      2,
      undefined,
      4,
      5,
    ])
    const rows = await state.tx((t) => t.list('sessions'))
    expect(rows).toHaveLength(3)
  })

  it('are no more in all than allowed: none goes for another', async () => {
    const grants = await load({ most: 2 })
    const [first] = [await grants.add(grant('a', 1), 1), await grants.add(grant('b', 2, 9), 2)]
    await expect(grants.add(grant('c', 3), 3)).rejects.toThrow(TooManyGrants)
    expect(grants.find(first.secret, 3)?.grant.name).toBe('a')
    // Until one is over.
    expect((await grants.add(grant('c', 9), 9)).grant.name).toBe('c')
  })

  it('that cannot be made durable do not count', async () => {
    const grants = await load()
    await expect(grants.add(grant('me', 1), 1, () => Promise.reject(new Error('full')))).rejects.toThrow('full')
    expect(grants.list(1)).toEqual([])
  })

  it('that cannot be read are ignored', async () => {
    await state.tx((t) => t.put('sessions', 'x', { name: 'me', role: 'emperor', createdAt: 1 }))
    const { secret } = await (await load()).add(grant('me', 1), 1)
    expect((await load()).find(secret, 1)?.grant.name).toBe('me')
  })
})
