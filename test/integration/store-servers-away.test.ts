import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { openServerStore, type ServerStoreOptions } from '../../controller/store/server/server-store.js'
import type { Batch, TimeSeries } from '../../controller/store/time-series.js'
import { startInflux } from '../support/influx-server.js'
import { influxStore, serverAddress, victoriaStore } from '../support/server-options.js'
import { influxWitness, victoriaWitness, type Witness } from '../support/server-witness.js'
import { settled } from '../support/settled-store.js'
import { startVictoria } from '../support/victoria-server.js'

const t0 = Math.floor(Date.now() / 3_600_000) * 3_600_000 - 2 * 3_600_000

let directory: string
const undo: (() => Promise<void> | void)[] = []

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-away-'))
  undo.push(() => rmSync(directory, { recursive: true, maxRetries: 5 }))
})

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

async function open(options: ServerStoreOptions): Promise<TimeSeries> {
  const store = await openServerStore(options)
  undo.push(() => store.close())
  return store
}

/** One point and its mark. */
function batch(seq: number): Batch {
  const points = [{ entity: { kind: 'vm', id: 'v1' } as const, atMs: t0 + seq * 1000, fields: { cpuCores: seq } }]
  return { points, events: [], marks: [{ spoolId: 's', throughSeq: seq }] }
}

async function write(store: TimeSeries, from: number, to: number): Promise<void> {
  for (let seq = from; seq <= to; seq += 1) await store.write(batch(seq))
}

/** The server has each of them once. */
async function assertAll(witness: Witness, to: number): Promise<void> {
  const expected = Array.from({ length: to }, (_, index) => [t0 + (index + 1) * 1000, index + 1])
  await vi.waitFor(async () => expect(await witness('v1')).toEqual(expected), { timeout: 20_000, interval: 200 })
}

const range = {
  entity: { kind: 'vm', id: 'v1' },
  fields: ['cpuCores'],
  fromMs: t0,
  toMs: t0 + 7_200_000,
  stepMs: 0,
  agg: 'last',
} as const

test('InfluxDB away: writes go on and are kept, questions say why they fail, health says it; then it gets everything once', async () => {
  const influx = await startInflux(join(directory, 'influx'))
  undo.push(() => influx.server.stop())
  const store = await open(influxStore(serverAddress(influx.url), { path: join(directory, 'queue.db'), database: 'h' }))
  await write(store, 1, 3)
  await settled(store)
  await influx.server.stop()
  await write(store, 4, 8)
  await expect(store.range(range)).rejects.toThrow(/ECONNREFUSED/)
  await vi.waitFor(async () => {
    expect(await store.health()).toMatchObject({
      ok: false,
      problem: expect.stringMatching(/^InfluxDB at http.*ECONNREFUSED/),
      queue: { waitingPoints: 5, droppedPoints: 0 },
    })
  })
  expect(await store.marks()).toEqual(new Map([['s', 8]]))
  await influx.server.start()
  await settled(store)
  expect(await store.health()).toMatchObject({ ok: true, problem: '', queue: { waitingPoints: 0, bytes: 0 } })
  await assertAll(influxWitness(influx.url, 'h'), 8)
  expect((await store.range(range)).rows).toHaveLength(8)
})

test('a server that stands still holds up neither writes nor the end of the program', async () => {
  const influx = await startInflux(join(directory, 'influx'))
  undo.push(() => influx.server.stop())
  const options = influxStore(serverAddress(influx.url), {
    path: join(directory, 'queue.db'),
    database: 'h',
    pace: { requestMs: 500 },
  })
  let store = await open(options)
  await write(store, 1, 2)
  await settled(store)
  influx.server.freeze()
  await write(store, 3, 6)
  await vi.waitFor(async () => expect((await store.health()).problem).toContain('no answer within 0.5 s'), {
    timeout: 10_000,
  })
  await expect(store.range(range)).rejects.toThrow('no answer within 0.5 s')
  const closedAt = performance.now()
  await store.close()
  expect(performance.now() - closedAt).toBeLessThan(5000)
  influx.server.thaw()
  store = await open(options)
  await settled(store)
  await assertAll(influxWitness(influx.url, 'h'), 6)
})

test('the store opens, takes and keeps before there ever was a server', async () => {
  const directories = { path: join(directory, 'queue.db'), database: 'h' }
  const influx = await startInflux(join(directory, 'influx'))
  undo.push(() => influx.server.stop())
  await influx.server.stop()
  const first = await open(influxStore(serverAddress(influx.url), directories))
  await write(first, 1, 4)
  await first.close()
  const second = await open(influxStore(serverAddress(influx.url), directories))
  await write(second, 5, 6)
  await influx.server.start()
  await settled(second)
  await assertAll(influxWitness(influx.url, 'h'), 6)
})

test('VictoriaMetrics killed: what it had only in memory is sent again, and nothing is there twice', async () => {
  const victoria = await startVictoria(join(directory, 'victoria'))
  undo.push(() => victoria.server.stop())
  const store = await open(
    victoriaStore(serverAddress(victoria.url), { path: join(directory, 'queue.db'), database: 'h' }),
  )
  await write(store, 1, 5)
  await vi.waitFor(async () => expect((await store.health()).queue?.heldPoints).toBe(5))
  await victoria.server.stop('SIGKILL')
  await victoria.server.start()
  await write(store, 6, 7)
  await vi.waitFor(async () => expect((await store.health()).queue?.resentPoints).toBeGreaterThanOrEqual(5), {
    timeout: 10_000,
  })
  await settled(store, { victoriaUrls: [victoria.url] })
  await assertAll(victoriaWitness(victoria.url, 'h'), 7)
  expect(await store.health()).toMatchObject({ ok: true, queue: { heldPoints: 7, droppedPoints: 0 } })
})

test('VictoriaMetrics stopped: nothing is missing, and what is on its disk leaves the queue', async () => {
  const victoria = await startVictoria(join(directory, 'victoria'))
  undo.push(() => victoria.server.stop())
  const store = await open(
    victoriaStore(serverAddress(victoria.url), {
      path: join(directory, 'queue.db'),
      database: 'h',
      pace: { durableAfterMs: 8000 },
    }),
  )
  await write(store, 1, 3)
  await victoria.server.stop()
  await write(store, 4, 5)
  await expect(store.range(range)).rejects.toThrow(/ECONNREFUSED/)
  await victoria.server.start()
  await settled(store, { victoriaUrls: [victoria.url] })
  await assertAll(victoriaWitness(victoria.url, 'h'), 5)
  await vi.waitFor(async () => expect((await store.health()).queue).toMatchObject({ heldPoints: 0, bytes: 0 }), {
    timeout: 30_000,
  })
})

test('a VictoriaMetrics that would count points twice is named, with what to do', async () => {
  const victoria = await startVictoria(join(directory, 'victoria'), [])
  undo.push(() => victoria.server.stop())
  const store = await open(
    victoriaStore(serverAddress(victoria.url), { path: join(directory, 'queue.db'), database: 'h' }),
  )
  await vi.waitFor(async () => {
    expect((await store.health()).problem).toMatch(/start it with -dedup\.minScrapeInterval=1ms \(it has 0s?\)/)
  })
  await write(store, 1, 1)
  await settled(store, { victoriaUrls: [victoria.url] })
  expect(await victoriaWitness(victoria.url, 'h')('v1')).toContainEqual([t0 + 1000, 1])
})

test('a full queue gives up its oldest points, says so, and never the newest', async () => {
  const store = await open(
    influxStore(serverAddress('http://127.0.0.1:9'), {
      path: join(directory, 'queue.db'),
      database: 'h',
      bounds: { maxBytes: 2000 },
    }),
  )
  await write(store, 1, 100)
  const { queue } = await store.health()
  expect(queue?.bytes).toBeLessThanOrEqual(2000)
  expect(queue?.droppedPoints).toBeGreaterThan(50)
  expect((queue?.droppedPoints ?? 0) + (queue?.waitingPoints ?? 0)).toBe(100)
  expect(await store.marks()).toEqual(new Map([['s', 100]]))
})
