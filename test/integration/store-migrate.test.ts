import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'
import { stringify } from 'yaml'

import { createLog } from '../../common/log.js'
import { openEmbeddedStore, type EmbeddedStore } from '../../controller/store/embedded/embedded-store.js'
import { migrateStore, type Migrated, type MigrationPlace } from '../../controller/store/migrate-store.js'
import { openSink } from '../../controller/store/server/open-sink.js'
import { openServerStore, type ServerStoreOptions } from '../../controller/store/server/server-store.js'
import { aggregations, type RangeQuery, type TimeSeries } from '../../controller/store/time-series.js'
import { runCliHere } from '../support/cli/run-cli.js'
import { startInflux } from '../support/influx-server.js'
import { influxStore, serverAddress, victoriaStore } from '../support/server-options.js'
import { settled } from '../support/settled-store.js'
import { rangeDifference } from '../support/time-series-model.js'
import { startVictoria } from '../support/victoria-server.js'
import { waitFor } from '../support/wait-for.js'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const stepMs = 1_800_000
const ids = ['a', 'b/c', 'é "']
const log = createLog('test', 'silent')
/** Now is within an hour that is half over: its roll-ups are nobody's yet. */
const nowMs = Math.floor(Date.now() / hourMs) * hourMs - hourMs / 2
const startMs = nowMs - 4 * dayMs
const retention = { raw: dayMs, '5m': 180 * dayMs, '1h': 1000 * dayMs }

let directory: string
let path: string
const undo: (() => Promise<unknown> | void)[] = []

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-migrate-'))
  mkdirSync(join(directory, 'controller'))
  path = join(directory, 'controller/series.db')
  undo.push(() => rmSync(directory, { recursive: true, maxRetries: 5 }))
})

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

async function open(now = nowMs): Promise<EmbeddedStore> {
  const kept = { rawMs: retention.raw, fiveMinutesMs: retention['5m'], hoursMs: retention['1h'], maxBytes: 2 ** 40 }
  return openEmbeddedStore({ path, log, retention: kept, now: () => now, maintainEveryMs: 50 })
}

/** Four days, of which the store keeps the points of the last. */
async function fill(): Promise<EmbeddedStore> {
  let now = startMs
  const store = await openEmbeddedStore({
    path,
    log,
    retention: { rawMs: retention.raw, maxBytes: 2 ** 40 },
    now: () => now,
    maintainEveryMs: 20,
  })
  for (let seq = 0; now < nowMs; seq += 1, now = startMs + seq * stepMs) {
    const points = ids.map((id, index) => ({
      entity: { kind: 'vm', id } as const,
      atMs: now,
      fields: { running: 1, cpuCores: ((seq * 7919 + index * 31) % 1000) / 997 },
    }))
    const event = { at: now, hostId: 'h', vmUuid: 'a', vmName: 'mail', kind: 'k', reason: String(seq), message: '' }
    await store.write({ points, events: [event], marks: [{ spoolId: 's', throughSeq: seq }] })
  }
  await waitFor(20_000, 'old points to go', async () => ((await store.health()).oldestMs ?? 0) > nowMs - 2.2 * dayMs)
  await store.close()
  return open()
}

const query = (id: string, change: Partial<RangeQuery>): RangeQuery => ({
  entity: { kind: 'vm', id },
  fields: ['running', 'cpuCores'],
  fromMs: startMs,
  // The hours of now are not over.
  toMs: Math.floor(nowMs / hourMs) * hourMs,
  stepMs: 0,
  agg: 'mean',
  ...change,
})

async function assertSame(embedded: EmbeddedStore, server: TimeSeries): Promise<void> {
  for (const id of ids) {
    for (const tier of ['5m', '1h'] as const) {
      for (const agg of aggregations) {
        const asked = query(id, { tier, agg })
        // What was computed anew from points, and a p95 from a sketch, differ a little.
        const error = agg === 'p95' ? 1 : 2 ** -12
        expect(rangeDifference(await server.range(asked), await embedded.range(asked), error)).toBeUndefined()
      }
    }
    const recent = query(id, { fromMs: nowMs - dayMs + 4 * hourMs, tier: 'raw' })
    expect(await server.range(recent)).toEqual(await embedded.range(recent))
  }
  const all = { fromMs: 0, toMs: nowMs + 1, limit: 10_000 }
  expect(await server.events(all)).toEqual(await embedded.events(all))
  expect(await server.marks()).toEqual(await embedded.marks())
}

/** Breaks off at each of these places, as an interrupted program would, and goes on. */
async function migrate(
  from: EmbeddedStore,
  options: ServerStoreOptions,
  brokenAt: readonly MigrationPlace['part'][],
): Promise<Migrated> {
  let place: MigrationPlace | undefined
  const run = async (until: MigrationPlace['part'] | undefined): Promise<Migrated> => {
    const to = await openServerStore(options)
    const sink = openSink(options.server)
    const broken = new AbortController()
    try {
      return await migrateStore({
        from,
        to,
        sink,
        retention,
        now: () => nowMs,
        place,
        reached: async (now) => {
          place = now
          if (now.part === until) broken.abort(new Error('broken off'))
        },
        show: () => undefined,
        signal: broken.signal,
      })
    } finally {
      sink.close()
      await to.close()
    }
  }
  for (const part of brokenAt) await expect(run(part)).rejects.toThrow('broken off')
  return run(undefined)
}

test(
  'InfluxDB gets points, events, marks and the roll-ups of the time before, also if that is broken off',
  { timeout: 240_000 },
  async () => {
    const influx = await startInflux(join(directory, 'influx'))
    undo.push(() => influx.server.stop())
    const embedded = await fill()
    undo.push(() => embedded.close())
    const options = influxStore(serverAddress(influx.url), {
      path: join(directory, 'queue.db'),
      database: 'h',
      retention,
    })
    const done = await migrate(embedded, options, ['points', '5m', '1h'])
    expect(done.events).toBe(192)
    const server = await openServerStore(options)
    undo.push(() => server.close())
    await settled(server, { withinMs: 120_000 })
    await assertSame(embedded, server)
  },
)

test('VictoriaMetrics gets the same', { timeout: 240_000 }, async () => {
  const victoria = await startVictoria(join(directory, 'victoria'))
  undo.push(() => victoria.server.stop())
  const embedded = await fill()
  undo.push(() => embedded.close())
  const options = victoriaStore(serverAddress(victoria.url), {
    path: join(directory, 'queue.db'),
    database: 'h',
    retention,
    pace: { durableAfterMs: 3000 },
  })
  await migrate(embedded, options, ['5m'])
  const server = await openServerStore(options)
  undo.push(() => server.close())
  await settled(server, { withinMs: 120_000, victoriaUrls: [victoria.url] })
  await assertSame(embedded, server)
})

test(
  'by command: says what it took, what it needs, and that a running controller is in the way',
  { timeout: 240_000 },
  async () => {
    const influx = await startInflux(join(directory, 'influx'))
    undo.push(() => influx.server.stop())
    const config = join(directory, 'controller.yaml')
    const configure = (store: object): void => {
      writeFileSync(config, stringify({ data: directory, store, retention: { raw: '1d' } }))
    }
    const embedded = await fill()
    configure({ kind: 'embedded' })
    const unchosen = await runCliHere(['store', 'migrate', '--config', config], {})
    expect([unchosen.code, unchosen.stderr]).toEqual([1, expect.stringContaining('the server to migrate to')])
    configure({ kind: 'influxdb', url: influx.url })
    const inUse = await runCliHere(['store', 'migrate', '--config', config], {})
    expect([inUse.code, inUse.stderr]).toEqual([1, expect.stringContaining('stop the controller first')])
    await embedded.close()
    const { code, stdout } = await runCliHere(['store', 'migrate', '--config', config], {})
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/series\.db: \d+ points, 192 events and \d+ rows of roll-ups are on the server/),
    ])
    expect(existsSync(join(directory, 'controller/migration.json'))).toBe(false)
    const again = await open()
    undo.push(() => again.close())
    const server = await openServerStore(
      influxStore(serverAddress(influx.url), {
        path: join(directory, 'controller/queue.db'),
        database: 'headroom',
        retention,
      }),
    )
    undo.push(() => server.close())
    await settled(server, { withinMs: 120_000 })
    await assertSame(again, server)
  },
)
