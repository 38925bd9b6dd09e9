import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, it } from 'vitest'

import { createLog } from '../../common/log.js'
import { sessionSchema, tokenSchema } from '../access/caller.js'
import { PasswordHashing } from '../access/password.js'
import { Users } from '../access/users.js'
import { openEmbeddedState } from '../store/embedded-state/embedded-state.js'
import type { StateStore } from '../store/state-store.js'
import { Authenticator } from './authenticator.js'
import { Grants } from './grants.js'

const log = createLog('test', 'silent')
let directory: string
let state: StateStore
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headroom-authenticator-'))
  state = openEmbeddedState({ path: join(directory, 'state.db') })
})
afterEach(async () => {
  await state.close()
  await rm(directory, { recursive: true })
})

it('looks up what somebody may still, by the token that was shown or as the user', async () => {
  const users = await Users.load(state, log)
  const tokens = await Grants.load({ state, table: 'apiTokens', schema: tokenSchema, most: 10, log })
  const sessions = await Grants.load({ state, table: 'sessions', schema: sessionSchema, most: 10, log })
  const passwords = new PasswordHashing({ logN: 4, r: 8, p: 1 })
  const authenticator = new Authenticator({ tokens, sessions, users, passwords })
  const ann = { name: 'ann', role: 'operator', passwordHash: '', createdAt: 0, changedAt: 0 } as const
  await users.put(ann, (change) => state.tx(change))
  const base = { role: 'operator', createdAt: 0, expiresAt: 1000 } as const
  const program = await tokens.add({ ...base, name: 'ci' }, 0)
  const hers = await tokens.add({ ...base, name: 'ann', ofUser: true }, 0)
  const shown = (secret: string) => authenticator.identify({ authorization: `Bearer ${secret}`, cookie: undefined }, 1)
  expect([program, hers].map(({ secret }) => shown(secret))).toMatchObject([
    { name: 'ci', tokenHash: program.hash },
    { name: 'ann', tokenHash: hers.hash },
  ])
  const rights = [
    { name: 'ci', tokenHash: program.hash },
    { name: 'ann', tokenHash: hers.hash },
    { name: 'ann' },
    { name: 'ci' },
  ]
  const may = (now: number) => rights.map((right) => authenticator.stillMay(right, now)?.role)
  expect(may(999)).toEqual(['operator', 'operator', 'operator', undefined])
  expect(may(1000)).toEqual([undefined, undefined, 'operator', undefined])
  await users.put({ ...ann, role: 'viewer' }, (change) => state.tx(change))
  expect(may(999)).toEqual(['operator', 'viewer', 'viewer', undefined])
  await users.remove('ann', (change) => state.tx(change))
  expect(may(999)).toEqual(['operator', undefined, undefined, undefined])
})
