import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { openEmbeddedState } from '../store/embedded-state/embedded-state.js'
import type { StateStore } from '../store/state-store.js'
import { addJoinToken, checkJoinToken, listJoinTokens, parseJoinToken, TooManyJoinTokens } from './join-tokens.js'

const now = Date.UTC(2026, 2, 1)
const hour = 3_600_000

let directory = ''
let state: StateStore

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-tokens-'))
  state = openEmbeddedState({ path: join(directory, 'state.db') })
})
afterEach(async () => {
  await state.close()
  rmSync(directory, { recursive: true })
})

const add = (more: object = {}): ReturnType<typeof addJoinToken> =>
  state.tx((tx) => addJoinToken(tx, { now, validMs: hour, grant: 'named', note: '', ...more }))

describe('a token for certain hosts', () => {
  const claimed = [
    { hostId: 'id-1', name: 'xenhv01.lab.elab' },
    { hostId: 'id-2', name: 'XENHV02' },
    { hostId: 'id-3', name: 'xenhv03' },
  ]

  it.each<[hosts: string[], granted: string[] | undefined]>([
    [['id-1'], ['id-1']],
    [['xenhv01'], ['id-1']],
    [['xenhv01.lab.elab'], ['id-1']],
    [
      ['XenHV02', 'id-3'],
      ['id-2', 'id-3'],
    ],
    [['xenhv01.elsewhere'], undefined],
    [['lab', 'elab'], undefined],
    [['xenhv'], undefined],
    [['ID-1'], undefined],
    [[], ['id-1', 'id-2', 'id-3']],
  ])('%j grants %j', async (hosts, granted) => {
    const token = await add({ hosts })
    expect(await state.tx((tx) => checkJoinToken(tx, token, claimed, now))).toEqual(
      granted === undefined
        ? { status: 'refused', reason: 'host-not-in-token', hosts }
        : { status: 'good', grant: claimed.filter(({ hostId }) => granted.includes(hostId)) },
    )
  })
})

it('those that wait are listed without their secret, the first to end first', async () => {
  await add({ validMs: 2 * hour, hosts: ['one'], note: 'later' })
  await add({ validMs: hour, note: 'sooner' })
  await add({ validMs: -1, note: 'over' })
  const listed = await state.tx((tx) => listJoinTokens(tx, now))
  expect(listed).toEqual([
    { id: expect.any(String), expiresAt: now + hour, grant: 'named', hosts: [], note: 'sooner' },
    { id: expect.any(String), expiresAt: now + 2 * hour, grant: 'named', hosts: ['one'], note: 'later' },
  ])
})

it('there are at most a thousand', async () => {
  await state.tx(async (tx) => {
    for (let count = 0; count < 1000; count += 1) {
      const row = { secretHash: 'x', expiresAt: now + hour, grant: 'named', note: '' }
      await tx.put('joinTokens', `t${count}`, row)
    }
  })
  await expect(add()).rejects.toBeInstanceOf(TooManyJoinTokens)
  await expect(add({ now: now + hour + 1 })).resolves.toMatchObject({ id: expect.any(String) })
})

it('no token looks like an option of a command line', async () => {
  const ids = await Promise.all(Array.from({ length: 200 }, async () => (await add()).id))
  expect(ids.filter((one) => !/^[0-9a-z]{8}$/.test(one))).toEqual([])
  expect(new Set(ids).size).toBe(200)
})

const id = 'aB3-_6gH'
const secret = 's'.repeat(32)
it.each<[token: string, parsed: boolean]>([
  [`${id}.${secret}.hash`, true],
  [`${id}.${secret}.hash.second`, true],
  [`${id}.${secret}`, false],
  [`${id}.${secret}.`, false],
  [`${id}.${secret}x.hash`, false],
  [`${id}x.${secret}.hash`, false],
  [`${id}.${secret}.hash\n`, false],
  [`${id}.${secret}.${'h.'.repeat(5)}h`, false],
  [`${id}.${secret}.${'h'.repeat(1000)}`, false],
  ['', false],
])('%j is a token: %s', (token, parsed) => {
  expect(parseJoinToken(token)).toEqual(parsed ? { id, secret } : undefined)
})
