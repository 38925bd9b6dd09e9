import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { createLog } from '../../../common/log.js'
import type { Transition } from '../../model/alert.js'
import { openEmbeddedState } from '../../store/embedded-state/embedded-state.js'
import type { StateRow, StateStore, Tx } from '../../store/state-store.js'
import { AlertStore, type HistoryQuery } from './alert-store.js'

let directory: string
let state: StateStore
let rowsRead = 0

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-alert-store-'))
  state = openEmbeddedState({ path: join(directory, 'state.db') })
})

afterEach(async () => {
  await state.close()
  rmSync(directory, { recursive: true })
})

/** The state store, with a count of what is read. */
const counted: StateStore = {
  tx: (work) => state.tx((t) => work(countedTx(t))),
  close: () => Promise.resolve(),
}

function countedTx(t: Tx): Tx {
  const rows = async (read: Promise<readonly StateRow[]>): Promise<readonly StateRow[]> => {
    const found = await read
    rowsRead += found.length
    return found
  }
  return {
    get: (table, key) => {
      rowsRead += 1
      return t.get(table, key)
    },
    put: (table, key, value) => t.put(table, key, value),
    delete: (table, key) => t.delete(table, key),
    list: (table) => rows(t.list(table)),
    first: (table, limit) => rows(t.first(table, limit)),
    last: (table, limit, before, from) => rows(t.last(table, limit, before, from)),
  }
}

function line(name: string, number: number, what: Transition['what'] = 'fired'): Transition {
  const subject = { kind: 'vm', id: name, name } as const
  return {
    atMs: number,
    number,
    what,
    check: 'slow',
    subject,
    part: '',
    severity: 'warning',
    message: '',
    detail: '',
    author: '',
  }
}

async function open(history = 20_000) {
  const log = createLog('test', 'silent')
  return AlertStore.open({ state: counted, log, history: () => history, startId: 't' })
}

const everything: HistoryQuery = { fromMs: -Infinity, toMs: Infinity, limit: 1000, matches: () => true }

test('the history of one subject or one alert is found without reading that of all others', async () => {
  const { store, kept } = await open()
  const others = Array.from({ length: 5000 }, (_, at) => line(`vm${at % 500}`, at + 10))
  await store.save(kept, [line('mine', 1), ...others, line('mine', 1, 'resolved'), line('mine', 9000)])
  rowsRead = 0
  const numbersOf = async (query: Partial<HistoryQuery>): Promise<string[]> => {
    const { entries } = await store.find({ ...everything, ...query })
    return entries.map(({ what, number }) => `${what} ${number}`)
  }
  expect(await numbersOf({ subject: 'vm:mine' })).toEqual(['fired 9000', 'resolved 1', 'fired 1'])
  expect(await numbersOf({ alert: 1 })).toEqual(['resolved 1', 'fired 1'])
  expect(await numbersOf({ alert: 1, subject: 'vm:other' })).toEqual([])
  expect(rowsRead).toBeLessThan(30)
})

test('names are taken letter by letter', async () => {
  const { store, kept } = await open()
  const names = ['a', 'a*', 'a%', 'a_', 'ab', 'a" ', '"', 'a\\', 'ä', 'vm:a', 'a ~']
  await store.save(
    kept,
    names.map((name, at) => line(name, at + 1)),
  )
  for (const name of names) {
    const { entries } = await store.find({ ...everything, subject: `vm:${name}` })
    expect(entries.map((one) => one.subject.name)).toEqual([name])
  }
})

test('pages go on where they ended, with an index and without', async () => {
  const { store, kept } = await open()
  await store.save(
    kept,
    Array.from({ length: 1200 }, (_, at) => line('x', at + 1)),
  )
  for (const query of [{ subject: 'vm:x' }, {}]) {
    const seen: number[] = []
    let before: number | undefined
    for (let hasMore = true; hasMore;) {
      const page = await store.find({ ...everything, ...query, limit: 700, before })
      seen.push(...page.entries.map(({ number }) => number))
      before = page.entries.at(-1)?.seq
      hasMore = page.hasMore
    }
    expect(seen).toEqual(Array.from({ length: 1200 }, (_, at) => 1200 - at))
  }
})

test('what leaves the history leaves its index', async () => {
  const { store, kept } = await open(3)
  for (let number = 1; number <= 5; number += 1) await store.save(kept, [line('x', number)])
  const { entries } = await store.find({ ...everything, subject: 'vm:x' })
  expect(entries.map(({ number }) => number)).toEqual([5, 4, 3])
  expect(await state.tx((t) => t.list('alertHistoryIndex'))).toHaveLength(6)
})

test('without its state no number is given again that the history knows', async () => {
  const { store, kept } = await open()
  await store.save(kept, [line('x', 1), line('y', 2), line('x', 1, 'resolved')])
  await state.tx((t) => t.delete('alertMeta', 'state'))
  expect((await open()).kept.state.nextNumber).toBe(3)
})
