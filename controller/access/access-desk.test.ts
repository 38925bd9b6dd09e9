import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, it } from 'vitest'

import { createLog } from '../../common/log.js'
import { Grants } from '../api/grants.js'
import { ControllerAudit } from '../audit/controller-audit.js'
import { openEmbeddedState } from '../store/embedded-state/embedded-state.js'
import type { StateStore } from '../store/state-store.js'
import { AccessDesk } from './access-desk.js'
import { sessionSchema, tokenSchema } from './caller.js'
import { PasswordHashing } from './password.js'
import { Users } from './users.js'

const log = createLog('test', 'silent')
const passwords = new PasswordHashing({ logN: 4, r: 8, p: 1 })
let directory: string
let state: StateStore
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headroom-access-'))
  state = openEmbeddedState({ path: join(directory, 'state.db') })
})
afterEach(async () => {
  await state.close()
  await rm(directory, { recursive: true })
})

it('does not put one’s own password over what an administrator has given meanwhile', async () => {
  const users = await Users.load(state, log)
  const desk = new AccessDesk({
    users,
    tokens: await Grants.load({ state, table: 'apiTokens', schema: tokenSchema, most: 10, log }),
    sessions: await Grants.load({ state, table: 'sessions', schema: sessionSchema, most: 10, log }),
    passwords,
    audit: await ControllerAudit.open(state),
    dropWaiting: () => Promise.resolve(),
    now: () => 1,
  })
  await desk.addUser('ann', 'operator', 'the first password', 'root')
  const shown = users.find('ann')?.passwordHash ?? ''
  const given = desk.setPassword('ann', 'of an administrator', 'root')
  expect(await desk.setOwnPassword('ann', 'of ann herself', { shown, keep: undefined })).toEqual({
    refused: 'password-changed',
  })
  await given
  const kept = users.find('ann')?.passwordHash ?? ''
  expect(await passwords.isRight('of an administrator', kept)).toBe(true)
  expect(await desk.setOwnPassword('ann', 'of ann herself', { shown: kept, keep: undefined })).toHaveProperty('done')
})
