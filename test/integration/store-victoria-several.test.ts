import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { createLog } from '../../common/log.js'
import { openServerStore } from '../../controller/store/server/server-store.js'
import type { TimeSeries } from '../../controller/store/time-series.js'
import { startServers } from '../durability/server-world.js'
import { startClusterPaths } from '../support/cluster-paths.js'
import { serverAddress, victoriaStore } from '../support/server-options.js'
import { settled } from '../support/settled-store.js'
import { startVictoria } from '../support/victoria-server.js'

const t0 = Math.floor(Date.now() / 3_600_000) * 3_600_000 - 2 * 3_600_000

let directory: string
const undo: (() => Promise<void> | void)[] = []

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-several-'))
  undo.push(() => rmSync(directory, { recursive: true, maxRetries: 5 }))
})

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

async function write(store: TimeSeries, count: number): Promise<void> {
  const points = Array.from({ length: count }, (_, index) => {
    return { entity: { kind: 'vm', id: 'v1' } as const, atMs: t0 + index * 1000, fields: { cpuCores: index } }
  })
  await store.write({ points, events: [], marks: [] })
}

const range = {
  entity: { kind: 'vm', id: 'v1' },
  fields: ['cpuCores'],
  fromMs: t0,
  toMs: t0 + 3_600_000,
  stepMs: 0,
  agg: 'sum',
} as const

test('a cluster is used by its paths, for writing and for reading', async () => {
  const node = await startVictoria(join(directory, 'node'))
  undo.push(() => node.server.stop())
  const cluster = await startClusterPaths(node.url)
  undo.push(() => cluster.stop())
  const store = await openServerStore(
    victoriaStore(
      serverAddress(`${cluster.url}/select/0/prometheus`),
      { path: join(directory, 'queue.db'), database: 'h' },
      { write: serverAddress(`${cluster.url}/insert/0/influx`), nodes: [serverAddress(node.url)] },
    ),
  )
  undo.push(() => store.close())
  await write(store, 10)
  await settled(store, { victoriaUrls: [node.url] })
  expect((await store.range(range)).rows).toHaveLength(10)
  expect((await store.range({ ...range, stepMs: 3_600_000 })).rows).toEqual([[t0, 45]])
  expect((await store.range({ ...range, tier: '1h' })).rows).toEqual([[t0, 45]])
  expect(await store.topN({ kind: 'vm', field: 'cpuCores', agg: 'max', fromMs: t0, toMs: t0 + 1e6, n: 1 })).toEqual([
    { id: 'v1', value: 9 },
  ])
  expect(await store.series({ kind: 'vm' })).toEqual([
    { entity: { kind: 'vm', id: 'v1' }, firstMs: t0, lastMs: t0 + 9000 },
  ])
})

test('two nodes behind vmagent and vmauth: one of them may be gone, and gets what it missed', async () => {
  const world = await startServers('victoria-pair', directory)
  undo.push(() => world.stop())
  const store = await openServerStore({ ...world.options, log: createLog('test', 'silent') })
  undo.push(() => store.close())
  const { first } = world.parts
  await first?.stop('SIGKILL')
  await write(store, 10)
  await vi.waitFor(async () => expect((await store.health()).problem).toMatch(/\/metrics: .*ECONNREFUSED/))
  await vi.waitFor(async () => expect((await store.health()).queue?.waitingPoints).toBe(0), { timeout: 10_000 })
  await vi.waitFor(async () => expect(await world.witnesses['second']?.('v1')).toHaveLength(10), { timeout: 15_000 })
  await vi.waitFor(async () => expect((await store.range(range)).rows).toHaveLength(10), { timeout: 15_000 })
  await first?.start()
  await vi.waitFor(async () => expect(await world.witnesses['first']?.('v1')).toHaveLength(10), { timeout: 30_000 })
  await settled(store)
  expect(await store.health()).toMatchObject({ ok: true, problem: '' })
})
