import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { stringify } from 'yaml'

import { createLog } from '../../common/log.js'
import { openEmbeddedStore, type EmbeddedStore } from '../../controller/store/embedded/embedded-store.js'
import { sketchError } from '../../controller/store/embedded/sketch.js'
import { openServerStore, type ServerStoreOptions } from '../../controller/store/server/server-store.js'
import { aggregations, type RangeQuery, type TimeSeries } from '../../controller/store/time-series.js'
import { runCliHere, runCliProcess, type CliRun } from '../support/cli/run-cli.js'
import { startInflux } from '../support/influx-server.js'
import {
  influxStore,
  influxTestPace,
  serverAddress,
  victoriaStore,
  victoriaTestPace,
} from '../support/server-options.js'
import { settled } from '../support/settled-store.js'
import { rangeDifference } from '../support/time-series-model.js'
import { startVictoria } from '../support/victoria-server.js'
import { waitFor } from '../support/wait-for.js'

/** The program waits for minutes until a server has on its disk what it took. */
vi.mock(import('../../controller/store/open-store.js'), async (original) => {
  const actual = await original()
  return {
    ...actual,
    serverStoreOptions: (...words) => {
      const { server, ...rest } = actual.serverStoreOptions(...words)
      return { ...rest, server: { ...server, pace: server.kind === 'influxdb' ? influxTestPace : victoriaPace } }
    },
  }
})

const victoriaPace = { ...victoriaTestPace, durableAfterMs: 3000 }
const hourMs = 3_600_000
const dayMs = 24 * hourMs
const stepMs = 1_200_000
const ids = ['11111111-0000', '=b,c', 'é "%\n']
const diskIds = ids.map((id) => `${id}/vda`)
const log = createLog('test', 'silent')
/** In an hour that is over: servers have computed its roll-ups. */
const nowMs = Math.floor(Date.now() / hourMs) * hourMs - hourMs / 2
const startMs = Math.floor((nowMs - 4 * dayMs) / hourMs) * hourMs
const far = Number.MAX_SAFE_INTEGER

let template: string
let directory: string
const undo: (() => Promise<unknown> | void)[] = []

beforeAll(async () => {
  template = mkdtempSync(join(tmpdir(), 'headroom-transfer-'))
  await fill(join(template, 'from/controller/series.db'))
})

afterAll(() => rmSync(template, { recursive: true }))

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-transfer-'))
  cpSync(template, directory, { recursive: true })
  undo.push(() => rmSync(directory, { recursive: true, maxRetries: 5 }))
})

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

async function open(name: string): Promise<EmbeddedStore> {
  const store = await openFile(join(directory, name, 'controller/series.db'), far, () => nowMs)
  undo.push(() => store.close())
  return store
}

function openFile(path: string, rawMs: number, now: () => number): Promise<EmbeddedStore> {
  const retention = { rawMs, fiveMinutesMs: far, hoursMs: far, maxBytes: 2 ** 40 }
  return openEmbeddedStore({ path, log, retention, now, maintainEveryMs: 20 })
}

const eventCount = Math.ceil((nowMs - startMs) / stepMs)

/** Four days of which the points of the last are kept. */
async function fill(path: string): Promise<void> {
  let now = startMs
  const store = await openFile(path, dayMs, () => now)
  for (let seq = 0; seq < eventCount; seq += 1, now = startMs + seq * stepMs) {
    const points = ids.flatMap((id, index) => {
      const cpuCores = ((seq * 7919 + index * 31) % 1000) / 997
      const disk = { writeBytesPerSecond: Math.round(cpuCores * 1e9), readLatencyMs: -index / 3 }
      return [
        { entity: { kind: 'vm', id } as const, atMs: now, fields: { running: 1, cpuCores } },
        { entity: { kind: 'disk', id: `${id}/vda` } as const, atMs: now, fields: disk },
      ]
    })
    const subject = { hostId: 'h', vmUuid: ids[seq % 3] ?? '', vmName: '-mail' }
    const message = seq % 2 === 0 ? '' : `it, "so"\nto say: 9${seq} %`
    const events = [{ at: now, ...subject, kind: 'k', reason: `r ${seq}`, message }]
    await store.write({ points, events, marks: [{ spoolId: 'spool 1', throughSeq: seq }] })
  }
  await waitFor(20_000, 'old points to go', async () => ((await store.health()).oldestMs ?? 0) > nowMs - 1.2 * dayMs)
  await store.close()
}

function questions(): RangeQuery[] {
  const vms = ids.map((id) => ({ entity: { kind: 'vm', id }, fields: ['running', 'cpuCores'] }) as const)
  const disks = diskIds.map(
    (id) => ({ entity: { kind: 'disk', id }, fields: ['writeBytesPerSecond', 'readLatencyMs'] }) as const,
  )
  return [...vms, ...disks].flatMap((one) => {
    const all = { ...one, fromMs: 0, toMs: Math.floor(nowMs / hourMs) * hourMs }
    return [
      { ...all, stepMs: 0, agg: 'last', tier: 'raw' } as const,
      ...aggregations.flatMap((agg) => [
        { ...all, stepMs: 0, agg, tier: '5m' } as const,
        { ...all, stepMs: 0, agg, tier: '1h' } as const,
        { ...all, stepMs: dayMs, agg } as const,
      ]),
    ]
  })
}

/**
 * @param quantiles exact, or estimated from what servers keep. Those of several windows together are not asked of servers, which have no
 * points where roll-ups say that there were some.
 */
async function assertSame(
  got: TimeSeries,
  expected: TimeSeries,
  quantiles: 'exact' | 'estimated' | 'on a server',
): Promise<void> {
  let rows = 0
  for (const query of questions()) {
    if (query.agg === 'p95' && quantiles === 'on a server' && query.tier === undefined) continue
    const isRaw = query.tier === 'raw'
    const error = query.agg !== 'p95' ? 2 ** -12 : quantiles === 'exact' ? sketchError : 1
    const scale = query.entity.kind === 'disk' ? 1e9 : 1
    const answer = await expected.range(query)
    const difference = rangeDifference(await got.range(query), answer, isRaw ? 0 : error, isRaw ? 0 : scale)
    expect(difference, JSON.stringify(query)).toBeUndefined()
    rows += answer.rows.length
  }
  expect(rows).toBeGreaterThan(5000)
}

async function assertSameRest(
  got: TimeSeries,
  expected: TimeSeries,
  messageOf: (message: string) => string = (message) => message,
): Promise<void> {
  const all = { fromMs: 0, toMs: far, limit: 10_000 }
  const events = (await expected.events(all)).map((event) => ({ ...event, message: messageOf(event.message) }))
  expect(await got.events(all)).toEqual(events)
  expect(await got.marks()).toEqual(await expected.marks())
}

async function cli(words: readonly string[]): Promise<CliRun> {
  return runCliHere(['store', ...words], {})
}

const dataOf = (name: string): string[] => ['--data', join(directory, name)]

async function ok(words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cli(words)
  expect(`${code} ${stderr}`).toBe('0 ')
  return stdout
}

describe('from one embedded store to another', () => {
  const targets = [
    { target: 'all.csv.gz', exact: true },
    { target: 'tables/', exact: true },
    { target: 'all.lp', exact: false },
    { target: 'lines/', options: ['--format', 'influx', '--gzip'], exact: false },
  ]
  test.each(targets)(
    '$target gives the same answers, and doubles nothing the second time',
    async ({ target, options, exact }) => {
      const path = `${join(directory, target)}${target.endsWith('/') ? '/' : ''}`
      const said = await ok(['export', path, ...dataOf('from'), ...(options ?? [])])
      expect(said).toMatch(/: \d+ points, \d+ rows of roll-ups and \d+ events of .*series\.db\n$/)
      await ok(['import', path, ...dataOf('to')])
      const [first, again] = [await open('from'), await open('to')]
      await assertSame(again, first, exact ? 'exact' : 'estimated')
      // Line protocol has messages in one line, as servers have them.
      await assertSameRest(again, first, (text) => (exact ? text : text.replace('\n', ' ')))
      const before = await again.health()
      await again.close()
      const second = await ok(['import', path, ...dataOf('to')])
      expect(second).toMatch(/rows of roll-ups were not taken/)
      const twice = await open('to')
      // A point that merges into one that is there counts until it is sealed.
      await waitFor(20_000, 'points to be sealed', async () => (await twice.health()).points === before.points)
      await assertSame(twice, first, exact ? 'exact' : 'estimated')
      expect((await twice.events({ fromMs: 0, toMs: far, limit: 10_000 })).length).toBe(eventCount)
    },
    120_000,
  )
})

test('takes of it what is asked for', async () => {
  const read = async (words: readonly string[]): Promise<string[]> => {
    const { code, stdout, stderr } = await cli(['export', '-', ...dataOf('from'), ...words])
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^headroom: \d+ points, .*series\.db\n$/)])
    return stdout.split('\n')
  }
  const measurementsOf = (lines: readonly string[]): string[] => [
    ...new Set(lines.map((line) => line.split(',')[0] ?? '').filter((name) => name !== '' && name !== 'measurement')),
  ]
  const raw = await read(['--parts', 'raw', '--kinds', 'vm', '--fields', 'cpuCores', '--vm', '-mail'])
  expect(raw[0]).toBe('measurement,time,uuid,cpuCores')
  expect(measurementsOf(raw)).toEqual(['vm'])
  const day = new Date(nowMs - 3 * dayMs).toISOString().slice(0, 10)
  const window = ['--since', `${day}T10:00:00Z`, '--until', `${day}T12:00:00Z`]
  const rolled = await read(['--parts', '1h', '--vm', ids[0] ?? '', ...window])
  expect(measurementsOf(rolled)).toEqual(['vm_1h', 'disk_1h'])
  expect(rolled.filter((line) => line.startsWith('vm_1h')).map((line) => line.split(',')[1])).toEqual([
    `${day}T10:00:00.000Z`,
    `${day}T11:00:00.000Z`,
  ])
  const recent = await read(['--parts', 'raw,events', '--since', '3h', '--kinds', 'disk'])
  const times = recent.flatMap((line) => /\d{4}-\d\d-\d\dT[\d:.]+Z/.exec(line) ?? [])
  expect(Math.min(...times.map((time) => Date.parse(time)))).toBeGreaterThanOrEqual(nowMs - 3 * hourMs - 2000)
  expect(measurementsOf(recent)).toEqual(['disk', 'event'])
  expect(await cli(['export', '-', ...dataOf('from'), '--vm', '-mial'])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/no VM has the id or name -mial\n {2}near it: -mail/),
  })
  for (const words of [
    ['--parts', 'raw,2h'],
    ['--fields', 'cpu'],
    ['--since', 'yesterday'],
    ['--format', 'xml'],
  ])
    expect((await cli(['export', '-', ...dataOf('from'), ...words])).code).toBe(2)
}, 60_000)

test('a bad line is named and left out, the others are stored, marks are not', async () => {
  const path = join(directory, 'all.csv')
  await ok(['export', path, ...dataOf('from'), '--kinds', 'vm', '--parts', 'raw,events', '--vm', ids[0] ?? ''])
  const good = readFileSync(path, 'utf8').split('\n')
  const lines = [...good]
  lines[2] = lines[2]?.replace(/,[\d.]+,/, ',much,') ?? ''
  lines[4] = `${lines[4] ?? ''},`
  lines[6] = lines[6]?.replace(/^vm/, 'vmm') ?? ''
  lines.splice(8, 0, 'mark,s,5')
  writeFileSync(path, lines.join('\n').replace(/\n$/, ''))
  const checked = await cli(['import', path, '--check'])
  expect(checked.code).toBe(1)
  expect(checked.stderr.split('\n')).toEqual([
    `headroom: ${path}:3: expected a number for cpuCores, got "much"`,
    expect.stringContaining(`headroom: ${path}:5: expected `),
    `headroom: ${path}:7: expected the name of a measurement, got "vmm"`,
    expect.stringContaining(`headroom: ${path}:9: expected `),
    `headroom: ${path}:${lines.length - 1}: expected an end of the line: the text is cut`,
    '',
  ])
  const done = await cli(['import', path, ...dataOf('to')])
  expect([done.code, done.stdout]).toEqual([1, expect.stringContaining('5 lines were not as they should be')])
  expect(done.stderr).toBe(checked.stderr)
  const to = await open('to')
  const points = good.filter((line) => line.startsWith('vm,')).length
  expect((await to.health()).points).toBe(points - 3)
  expect((await to.marks()).size).toBe(0)
}, 60_000)

test('what is something else is not read to its end, and a cut archive is said to be one', async () => {
  const other = join(directory, 'other')
  writeFileSync(other, 'some text\n'.repeat(3000))
  const { code, stderr } = await cli(['import', other, ...dataOf('to')])
  expect(code).toBe(1)
  expect(stderr.split('\n').length).toBeLessThan(25)
  expect(stderr).toContain(`${other}: stopped at line 1000, the 1000th that is not as it should be`)
  const packed = join(directory, 'all.lp.gz')
  await ok(['export', packed, ...dataOf('from')])
  writeFileSync(packed, readFileSync(packed).subarray(0, Math.floor(statSync(packed).size / 2)))
  const cut = await cli(['import', packed, ...dataOf('to')])
  expect([cut.code, cut.stderr]).toEqual([
    1,
    expect.stringMatching(/all\.lp\.gz:\d+: expected what gzip packed: unexpected end of file/),
  ])
}, 60_000)

test('an export is there whole or not at all, and is a new file', async () => {
  const from = await open('from')
  const target = join(directory, 'all.csv')
  const inUse = await cli(['export', target, ...dataOf('from')])
  expect([inUse.code, inUse.stderr]).toEqual([1, expect.stringContaining('stop the controller first')])
  await from.close()
  expect(await cli(['export', join(directory, 'no/where.csv'), ...dataOf('from')])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('where.csv cannot be written: ENOENT'),
  })
  expect(await cli(['export', target, ...dataOf('nowhere')])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('series.db: no such file'),
  })
  await ok(['export', target, ...dataOf('from')])
  expect((await cli(['export', target, ...dataOf('from')])).stderr).toContain('exists; an export is a new file')
  expect(readdirSync(directory).toSorted()).toEqual(['all.csv', 'from'])
  expect(statSync(target).mode & 0o777).toBe(0o600)
}, 60_000)

test('through a pipe, packed', async () => {
  const { code, stdout } = await runCliProcess(['store', 'export', '-', '--format', 'influx', ...dataOf('from')], {})
  expect(code).toBe(0)
  const packed = join(directory, 'all.lp.gz')
  await ok(['export', packed, ...dataOf('from')])
  expect(gunzipSync(readFileSync(packed)).toString()).toBe(stdout)
}, 60_000)

/** What is stored of a measurement, by an outside way. */
type Names = (database: string) => Promise<readonly string[]>

interface Server {
  readonly name: string
  readonly start: (directory: string) => Promise<{ url: string; server: { stop(): Promise<unknown> } }>
  readonly options: (url: string, path: string, database: string) => ServerStoreOptions
  /** Of `controller.yaml`. */
  readonly config: (url: string) => object
  /** Names of series with their tags, and how many values each has. */
  readonly series: (url: string) => Names
  readonly write: (url: string, database: string, policy: string, lines: string) => Promise<Response>
}

const retention = { raw: 2 * dayMs, '5m': 180 * dayMs, '1h': 1000 * dayMs }

async function influxAnswer(
  url: string,
  database: string,
  statement: string,
): Promise<{ name?: string; values?: unknown[][] }[]> {
  const query = new URLSearchParams({ db: database, q: statement })
  const answer = await fetch(`${url}/query?${query.toString()}`, { method: 'POST' })
  const body: { results: { series?: { name?: string; values?: unknown[][] }[]; error?: string }[] } = JSON.parse(
    await answer.text(),
  )
  expect(body.results[0]?.error).toBeUndefined()
  return body.results[0]?.series ?? []
}

const servers: readonly Server[] = [
  {
    name: 'InfluxDB',
    start: startInflux,
    options: (url, path, database) => influxStore(serverAddress(url), { path, database, retention }),
    config: (url) => ({ kind: 'influxdb', url }),
    series: (url) => async (database) => {
      const counts = await influxAnswer(url, database, 'SELECT count(*) FROM "raw"./.*/ GROUP BY *')
      return counts.map((series) => JSON.stringify(series))
    },
    write: (url, database, policy, lines) =>
      fetch(`${url}/write?db=${database}&rp=${policy}`, { method: 'POST', body: lines }),
  },
  {
    name: 'VictoriaMetrics',
    start: startVictoria,
    options: (url, path, database) =>
      victoriaStore(serverAddress(url), { path, database, retention, pace: victoriaPace }),
    config: (url) => ({ kind: 'victoriametrics', url }),
    series: (url) => async (database) => {
      await fetch(`${url}/internal/force_flush`)
      const query = new URLSearchParams({ 'match[]': `{db="${database}"}` })
      const lines = (await (await fetch(`${url}/api/v1/export?${query.toString()}`)).text()).split('\n')
      return lines
        .filter((line) => line !== '')
        .map((line) => {
          const { metric, values }: { metric: Record<string, string>; values: unknown[] } = JSON.parse(line)
          return JSON.stringify([{ ...metric, db: '' }, values])
        })
        .toSorted()
    },
    write: (url, database, _policy, lines) => fetch(`${url}/write?db=${database}`, { method: 'POST', body: lines }),
  },
]

describe.each(servers)('$name', ({ start, options, config, series, write }) => {
  test('takes exported lines as they are, and has of them what this program writes', async () => {
    const { url, server } = await start(join(directory, 'server'))
    undo.push(() => server.stop())
    const target = join(directory, 'lines/')
    await ok(['export', `${target}/`, '--format', 'influx', ...dataOf('from')])
    const from = await open('from')
    const own = await openServerStore(options(url, join(directory, 'queue.db'), 'own'))
    undo.push(() => own.close())
    for (const kind of ['vm', 'disk'] as const)
      for await (const points of from.export({ kind, fromMs: 0, toMs: far }))
        await own.write({ points, events: [], marks: [] })
    const events = await from.events({ fromMs: nowMs - dayMs, toMs: far, limit: 10_000 })
    await own.write({ points: [], events, marks: [] })
    await settled(own, { withinMs: 60_000, victoriaUrls: [url] })
    // The database and its policies are made by the store.
    const other = await openServerStore(options(url, join(directory, 'other.db'), 'plain'))
    await other.write({ points: [], events: events.slice(0, 1), marks: [] })
    await settled(other, { withinMs: 60_000, victoriaUrls: [url] })
    await other.close()
    const last = new Set(events.map(({ at }) => `${at}000000`))
    for (const [file, policy] of [
      ['vm.lp', 'raw'],
      ['disk.lp', 'raw'],
      ['event.lp', 'raw'],
    ] as const) {
      const lines = readFileSync(join(target, file), 'utf8').split('\n')
      const wanted =
        file === 'event.lp'
          ? lines.filter((line) => line === '' || line.startsWith('#') || last.has(line.split(' ').at(-1) ?? ''))
          : lines
      const answer = await write(url, 'plain', policy, wanted.join('\n'))
      expect([file, answer.status, await answer.text()]).toEqual([file, 204, ''])
    }
    // Of roll-ups later; the text of an event is not for VictoriaMetrics.
    const isRaw = (one: string): boolean => !/_5m|_1h|event_text/.test(one)
    const names = series(url)
    const [plain, written] = [await names('plain'), await names('own')]
    expect(plain.filter(isRaw)).toEqual(written.filter(isRaw))
    expect(plain.filter(isRaw).length).toBeGreaterThan(2)
    for (const tier of ['5m', '1h']) {
      for (const kind of ['vm', 'disk']) {
        const answer = await write(url, 'plain', tier, readFileSync(join(target, `${kind}_${tier}.lp`), 'utf8'))
        expect([answer.status, await answer.text()]).toEqual([204, ''])
      }
    }
    const plainStore = await openServerStore(options(url, join(directory, 'other.db'), 'plain'))
    undo.push(() => plainStore.close())
    await settled(plainStore, { withinMs: 60_000, victoriaUrls: [url] })
    await assertSame(plainStore, from, 'on a server')
  }, 240_000)

  test('is imported into, twice, and exported from into an embedded store', async () => {
    const { url, server } = await start(join(directory, 'server'))
    undo.push(() => server.stop())
    const path = join(directory, 'all.csv.gz')
    await ok(['export', path, ...dataOf('from')])
    const configFile = join(directory, 'controller.yaml')
    const data = join(directory, 'on-server')
    writeFileSync(configFile, stringify({ data, store: config(url), retention: { raw: '2d' } }))
    const points = join(directory, 'points.csv')
    await ok(['export', points, '--parts', 'raw,events', ...dataOf('from')])
    const from = await open('from')
    for (const file of [path, points]) {
      await ok(['import', file, '--config', configFile])
      const store = await openServerStore(options(url, join(data, 'controller/queue.db'), 'headroom'))
      try {
        await settled(store, { withinMs: 120_000, victoriaUrls: [url] })
        await assertSame(store, from, 'on a server')
        await assertSameRest(store, from)
      } finally {
        await store.close()
      }
    }
    const back = join(directory, 'back/')
    await ok(['export', `${back}/`, '--config', configFile])
    await ok(['import', back, ...dataOf('to')])
    const to = await open('to')
    await assertSame(to, from, 'estimated')
    await assertSameRest(to, from)
  }, 480_000)
})
