import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { openEmbeddedState } from '../store/embedded-state/embedded-state.js'
import type { StateStore } from '../store/state-store.js'
import { PolicyHistory } from './policy-history.js'
import { policyHash, type StoredVersion } from './policy-version.js'

let directory: string
let state: StateStore
let history: PolicyHistory

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-policy-history-'))
  state = openEmbeddedState({ path: join(directory, 'state.db') })
  history = new PolicyHistory(state)
})

afterEach(async () => {
  await state.close()
  rmSync(directory, { recursive: true })
})

function version(text: string, more: Partial<StoredVersion> = {}): Omit<StoredVersion, 'number'> {
  const from = { file: '/etc/policy.yaml', modifiedAt: 1, author: 'admin', occasion: 'change' } as const
  return { at: 2, hash: policyHash(text), text, ...from, ...more }
}

test('numbers versions, and gives them back without and with their text', async () => {
  expect(await history.last()).toBeUndefined()
  await history.record(version('a', { occasion: 'start' }))
  const second = await history.record(version('b', { linkTarget: '/mnt/policy.yaml' }))
  expect(second).toMatchObject({ number: 2, linkTarget: '/mnt/policy.yaml', hash: policyHash('b') })
  expect(await history.list()).toEqual([expect.objectContaining({ number: 1, occasion: 'start' }), second])
  expect(JSON.stringify(await history.list())).not.toContain('"text"')
  expect(await history.version(1)).toMatchObject({ number: 1, text: 'a' })
  expect(await history.version(3)).toBeUndefined()
  expect(await history.last()).toMatchObject({ number: 2, text: 'b' })
})

test('the same text again is the same version; back to an older text is a new one', async () => {
  await history.record(version('a'))
  expect((await history.record(version('a', { at: 9, occasion: 'start' }))).number).toBe(1)
  await history.record(version('b'))
  expect((await history.record(version('a'))).number).toBe(3)
  expect((await history.record(version('a', { file: '/other.yaml' }))).number).toBe(4)
})

test('keeps 100 versions', async () => {
  for (let at = 1; at <= 103; at += 1) await history.record(version(`text ${at}`))
  const kept = await history.list()
  expect([kept.length, kept[0]?.number, kept.at(-1)?.number]).toEqual([100, 4, 103])
  expect(await history.version(3)).toBeUndefined()
})

test('keeps no more than 4 MiB of text, and always the newest', async () => {
  const large = 'x'.repeat(1024 * 1024)
  for (let at = 1; at <= 6; at += 1) await history.record(version(`${large}${at}`.slice(2)))
  expect((await history.list()).map(({ number }) => number)).toEqual([3, 4, 5, 6])
  await history.record(version('y'.repeat(5 * 1024 * 1024)))
  expect((await history.list()).map(({ number }) => number)).toEqual([7])
})

test('passes over a row that it cannot read', async () => {
  await history.record(version('a'))
  await state.tx((t) => t.put('policyVersions', '000000000007', { number: 'seven' }))
  expect((await history.list()).map(({ number }) => number)).toEqual([1])
  expect(await history.version(7)).toBeUndefined()
  expect((await history.record(version('b'))).number).toBe(2)
})
