import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { InfluxConnection } from '../../controller/store/influx/influx-connection.js'
import { continuousQueries } from '../../controller/store/influx/influxql.js'
import { policiesInForce, prepareDatabase, rowsOf } from '../../controller/store/influx/prepare-database.js'
import { openServerStore, type ServerStoreOptions } from '../../controller/store/server/server-store.js'
import type { ServerAddress } from '../../controller/store/server/worker-options.js'
import type { Point, TimeSeries } from '../../controller/store/time-series.js'
import { startInflux, type RunningInflux } from '../support/influx-server.js'
import { influxStore, serverAddress } from '../support/server-options.js'
import { influxWitness } from '../support/server-witness.js'
import { sent } from '../support/settled-store.js'

const dayMs = 86_400_000
const retention = { raw: 3 * dayMs, '5m': 180 * dayMs, '1h': 1825 * dayMs }

let directory: string
const undo: (() => Promise<void> | void)[] = []

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-admin-'))
  undo.push(() => rmSync(directory, { recursive: true, maxRetries: 5 }))
})

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

async function start(http: readonly string[] = []): Promise<RunningInflux> {
  const influx = await startInflux(join(directory, 'influx'), http)
  undo.push(() => influx.server.stop())
  return influx
}

function connect(address: ServerAddress, database = 'headroom'): InfluxConnection {
  const connection = new InfluxConnection(address, database, 10_000)
  undo.push(() => connection.close())
  return connection
}

async function open(options: ServerStoreOptions): Promise<TimeSeries> {
  const store = await openServerStore(options)
  undo.push(() => store.close())
  return store
}

function point(atMs: number, cpuCores: number, id = 'v1'): Point {
  return { entity: { kind: 'vm', id }, atMs, fields: { cpuCores } }
}

async function namesOfQueries(connection: InfluxConnection): Promise<string[]> {
  const [series = []] = await connection.query('SHOW CONTINUOUS QUERIES')
  const rows = series.filter(({ name }) => name === connection.database).flatMap(rowsOf)
  return rows.map((row) => String(row.get('name'))).sort()
}

test('makes database, retention policies and continuous queries, and changes those that are not as they are to be', async () => {
  const connection = connect(serverAddress((await start()).url))
  await prepareDatabase(connection, retention)
  const policies = await policiesInForce(connection)
  expect([...(policies ?? [])].map(([name, policy]) => [name, policy.durationMs, policy.isDefault])).toEqual([
    ['autogen', Infinity, false],
    ['raw', 3 * dayMs, true],
    ['5m', 180 * dayMs, false],
    ['1h', 1825 * dayMs, false],
  ])
  const names = continuousQueries('headroom', retention).map(({ name }) => name)
  expect(await namesOfQueries(connection)).toEqual(names.toSorted())

  await connection.query(
    'CREATE CONTINUOUS QUERY "headroom_vm_5m_0bad0bad" ON "headroom" BEGIN SELECT mean("x") INTO "y" FROM "z" GROUP BY time(1m) END',
  )
  await connection.query(
    'CREATE CONTINUOUS QUERY "of_somebody_else" ON "headroom" BEGIN SELECT mean("x") INTO "y" FROM "z" GROUP BY time(1m) END',
  )
  await connection.query(`DROP CONTINUOUS QUERY "${names[3]}" ON "headroom"`)
  await prepareDatabase(connection, { ...retention, raw: 30 * dayMs })
  expect((await policiesInForce(connection))?.get('raw')).toMatchObject({ durationMs: 30 * dayMs, isDefault: true })
  expect(await namesOfQueries(connection)).toEqual([...names, 'of_somebody_else'].toSorted())
})

test('continuous queries compute what the program computes', async () => {
  const connection = connect(serverAddress((await start()).url))
  await prepareDatabase(connection, retention)
  const fromMs = Math.floor(Date.now() / 300_000) * 300_000 - 3_600_000
  const values = [1, 5, 3]
  await connection.write(
    values.map((cpuCores, index) => ({
      measurement: 'vm',
      tags: { uuid: 'a' },
      fields: { cpuCores },
      timestamp: String(fromMs + index),
    })),
    'raw',
  )
  // As InfluxDB would run it, but at once.
  const select = /BEGIN (.*) END$/.exec(continuousQueries('headroom', retention)[0]?.text ?? '')?.[1] ?? ''
  await connection.query(
    select.replace(' GROUP BY', ` WHERE time >= ${fromMs}ms AND time < ${fromMs + 300_000}ms GROUP BY`),
  )
  const [[series] = []] = await connection.query('SELECT * FROM "5m"."vm_5m"')
  const [row] = series === undefined ? [] : rowsOf(series)
  const stats = Object.fromEntries([...(row ?? [])].filter(([name]) => name.startsWith('cpuCores')))
  expect(stats).toEqual({
    cpuCores_count: 3,
    cpuCores_mean: 3,
    cpuCores_min: 1,
    cpuCores_max: 5,
    cpuCores_last: 3,
    cpuCores_p95: 5,
  })
})

test('what InfluxDB will never take is left out, counted and named; the rest of its batch is stored', async () => {
  const influx = await start()
  const setup = connect(serverAddress(influx.url))
  const options = influxStore(serverAddress(influx.url), {
    path: join(directory, 'queue.db'),
    database: 'headroom',
    retention,
  })
  await prepareDatabase(setup, options.server.retention)
  const now = Math.floor(Date.now() / 1000) * 1000
  // Another program was first, and wrote whole numbers.
  await fetch(`${influx.url}/write?db=headroom&rp=raw&precision=ms`, {
    method: 'POST',
    body: `vm,uuid=x memoryBytes=1i ${now}`,
  })
  const store = await open(options)
  const tooOld = point(now - 30 * dayMs, 1)
  const conflict: Point = { entity: { kind: 'vm', id: 'v1' }, atMs: now - 1000, fields: { memoryBytes: 5 } }
  await store.write({ points: [tooOld, point(now - 2000, 2), point(now - 3000, 3)], events: [], marks: [] })
  // Of one write it names one reason only.
  await sent(store)
  await store.write({ points: [conflict, point(now - 4000, 4)], events: [], marks: [] })
  const queue = await sent(store)
  expect(queue).toMatchObject({
    refusedPoints: 2,
    waitingPoints: 0,
    droppedPoints: 0,
    lastRefusal: expect.stringContaining('field type conflict'),
  })
  expect(await influxWitness(influx.url, 'headroom')('v1')).toEqual([
    [now - 4000, 4],
    [now - 3000, 3],
    [now - 2000, 2],
  ])
})

test('a database that vanishes is made again, and nothing that waits is lost', async () => {
  const influx = await start()
  const store = await open(
    influxStore(serverAddress(influx.url), { path: join(directory, 'queue.db'), database: 'headroom' }),
  )
  const now = Math.floor(Date.now() / 1000) * 1000
  await store.write({ points: [point(now, 1)], events: [], marks: [] })
  await sent(store)
  await connect(serverAddress(influx.url)).query('DROP DATABASE "headroom"')
  await store.write({ points: [point(now + 1, 2)], events: [], marks: [] })
  await sent(store)
  expect(await influxWitness(influx.url, 'headroom')('v1')).toEqual([[now + 1, 2]])
})

test('over TLS, with a user: a wrong authority, a wrong password and too few rights are each named', async () => {
  mkdirSync(join(directory, 'tls'))
  const [key, certificate] = ['key.pem', 'certificate.pem'].map((name) => join(directory, 'tls', name))
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=influx',
      '-addext',
      'subjectAltName=IP:127.0.0.1',
      '-keyout',
      key ?? '',
      '-out',
      certificate ?? '',
    ],
    { stdio: 'ignore' },
  )
  const influx = await start([
    'auth-enabled = true',
    'https-enabled = true',
    `https-certificate = "${certificate}"`,
    `https-private-key = "${key}"`,
  ])
  const ca = readFileSync(certificate ?? '', 'utf8')
  const admin = serverAddress(influx.url, { ca, user: 'root', password: "it's a \\ secret" })
  const user = { ...admin, user: 'headroom', password: 'pässword' }
  await connect(admin).query(`CREATE USER "root" WITH PASSWORD 'it\\'s a \\\\ secret' WITH ALL PRIVILEGES`)
  await connect(admin).query(`CREATE USER "headroom" WITH PASSWORD 'pässword'`)
  const problemOf = async (address: ServerAddress, database: string): Promise<string> => {
    const store = await openServerStore(
      influxStore(address, { path: join(directory, `${database}.db`), database, retention }),
    )
    await store.write({ points: [point(Date.now(), 1)], events: [], marks: [] })
    await vi.waitFor(async () => expect((await store.health()).ok).toBe(false), { timeout: 10_000 })
    const { problem } = await store.health()
    await store.close()
    return problem
  }
  expect(await problemOf({ ...admin, ca: undefined }, 'a')).toMatch(/self.signed certificate/)
  expect(await problemOf({ ...admin, password: 'wrong' }, 'b')).toMatch(/authorization failed/)
  expect(await problemOf(user, 'c')).toMatch(/an administrator can: CREATE DATABASE "c"/)

  // An administrator prepares it once: then a user who may read and write is enough.
  await prepareDatabase(connect(admin, 'd'), retention)
  await connect(admin).query('GRANT ALL ON "d" TO "headroom"')
  const store = await open(influxStore(user, { path: join(directory, 'd.db'), database: 'd', retention }))
  const now = Math.floor(Date.now() / 1000) * 1000
  await store.write({ points: [point(now, 1)], events: [], marks: [] })
  await sent(store)
  expect(await store.health()).toMatchObject({ ok: true, problem: '' })
  const range = {
    entity: { kind: 'vm', id: 'v1' },
    fields: ['cpuCores'],
    fromMs: 0,
    toMs: now + 1,
    stepMs: 0,
    agg: 'last',
  } as const
  expect((await store.range(range)).rows).toEqual([[now, 1]])
})
