import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { SqlDatabase } from '../embedded/database.js'
import type { StateStore } from '../state-store.js'
import { openEmbeddedState } from './embedded-state.js'

let directory: string
let path: string
let store: StateStore

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-state-'))
  path = join(directory, 'data', 'state.db')
  store = openEmbeddedState({ path })
})

afterEach(async () => {
  await store.close()
  rmSync(directory, { recursive: true })
})

test('keeps values over a reopening, by table and key', async () => {
  await store.tx(async (t) => {
    await t.put('agents', 'b', { name: 'two', tags: [1, null] })
    await t.put('agents', 'a', 'one')
    await t.put('meta', 'a', 7)
    await t.put('meta', 'gone', true)
    await t.delete('meta', 'gone')
  })
  await store.close()
  store = openEmbeddedState({ path })
  const read = await store.tx(async (t) => [
    await t.list('agents'),
    await t.get('meta', 'a'),
    await t.get('meta', 'gone'),
  ])
  expect(read).toEqual([
    [
      { key: 'a', value: 'one' },
      { key: 'b', value: { name: 'two', tags: [1, null] } },
    ],
    7,
    undefined,
  ])
})

test('gives the first and the last rows of a table, and those before a key', async () => {
  await store.tx(async (t) => {
    for (const key of ['b', 'd', 'a', 'c']) await t.put('alertHistory', key, key)
    await t.put('meta', 'z', 'of another table')
  })
  const keys = async (limit: number, before?: string, from?: string): Promise<string[]> => {
    const rows = await store.tx((t) => t.last('alertHistory', limit, before, from))
    expect(rows.every(({ key, value }) => key === value)).toBe(true)
    return rows.map(({ key }) => key)
  }
  expect(await keys(3)).toEqual(['d', 'c', 'b'])
  expect(await keys(10, 'c')).toEqual(['b', 'a'])
  expect(await keys(1, 'c')).toEqual(['b'])
  expect(await keys(5, 'a')).toEqual([])
  expect(await keys(5, 'd', 'b')).toEqual(['c', 'b'])
  expect(await keys(5, undefined, 'c')).toEqual(['d', 'c'])
  const first = await store.tx((t) => t.first('alertHistory', 2))
  expect(first.map(({ key }) => key)).toEqual(['a', 'b'])
})

test('undoes all of a transaction that throws, and goes on', async () => {
  await store.tx((t) => t.put('meta', 'kept', 1))
  const failing = store.tx(async (t) => {
    await t.put('meta', 'kept', 2)
    throw new Error('no')
  })
  await expect(failing).rejects.toThrow('no')
  expect(await store.tx((t) => t.list('meta'))).toEqual([{ key: 'kept', value: 1 }])
})

test('runs transactions one after the other', async () => {
  const increment = (): Promise<void> =>
    store.tx(async (t) => {
      const before = Number((await t.get('meta', 'n')) ?? 0)
      await new Promise((resolve) => setImmediate(resolve))
      await t.put('meta', 'n', before + 1)
    })
  await Promise.all(Array.from({ length: 50 }, increment))
  expect(await store.tx((t) => t.get('meta', 'n'))).toBe(50)
})

test('refuses a transaction inside another, and the use of one that is over', async () => {
  let leaked: (() => Promise<void>) | undefined
  await store.tx(async (t) => {
    await expect(store.tx(() => Promise.resolve())).rejects.toThrow('do not nest')
    leaked = () => t.put('meta', 'late', 1)
  })
  await expect(leaked?.()).rejects.toThrow('is over')
})

test('bounds what waits and how long a transaction takes', async () => {
  await store.close()
  store = openEmbeddedState({ path, maxWaiting: 2, deadlineMs: 50 })
  const stuck = store.tx(async (t) => {
    await t.put('meta', 'stuck', 1)
    await new Promise(() => undefined)
  })
  const outcome = stuck.catch((error: unknown) => error)
  await new Promise((resolve) => setImmediate(resolve))
  const waiting = [store.tx((t) => t.get('meta', 'stuck')), store.tx((t) => t.get('meta', 'stuck'))]
  await expect(store.tx((t) => t.get('meta', 'stuck'))).rejects.toThrow('busy')
  expect(await outcome).toMatchObject({ message: 'state store: a transaction took longer than 50 ms' })
  expect(await Promise.all(waiting)).toEqual([undefined, undefined])
})

test('refuses values without JSON and unknown tables', async () => {
  await expect(store.tx((t) => t.put('meta', 'x', undefined))).rejects.toThrow('no JSON')
  // @ts-expect-error: what the compiler refuses must be refused at run time too
  await expect(store.tx((t) => t.put('nothing', 'x', 1))).rejects.toThrow('no table')
})

test('refuses work after close, and closes after what was queued', async () => {
  const queued = store.tx((t) => t.put('meta', 'last', 1))
  await store.close()
  await queued
  await expect(store.tx((t) => t.get('meta', 'last'))).rejects.toThrow('closed')
  store = openEmbeddedState({ path })
  expect(await store.tx((t) => t.get('meta', 'last'))).toBe(1)
})

test('keeps its file private', () => {
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(statSync(`${path}-wal`).mode & 0o777).toBe(0o600)
  expect(statSync(join(directory, 'data')).mode & 0o777).toBe(0o700)
})

test('refuses a newer, a foreign and a damaged file, and changes none', async () => {
  await store.close()
  const db = new SqlDatabase(path)
  db.exec('PRAGMA user_version = 99')
  db.close()
  expect(() => openEmbeddedState({ path })).toThrow('schema version 99 is newer')

  const foreign = join(directory, 'foreign.db')
  const other = new SqlDatabase(foreign)
  other.exec('CREATE TABLE something (a)')
  other.close()
  expect(() => openEmbeddedState({ path: foreign })).toThrow('something else')

  const damaged = join(directory, 'damaged.db')
  writeFileSync(damaged, 'this is text, and long enough to be no header'.repeat(200))
  const before = statSync(damaged).size
  expect(() => openEmbeddedState({ path: damaged })).toThrow(/damaged.*SQLITE_NOTADB/)
  expect(statSync(damaged).size).toBe(before)
})
