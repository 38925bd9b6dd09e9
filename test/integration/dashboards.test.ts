import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { collectDefaultMetrics, Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { simulateTicks } from '../../agent/hypervisor/simulated/simulate-ticks.js'
import { createWorld } from '../../agent/hypervisor/simulated/world.js'
import { ArrayModels } from '../../controller/array-watch/array-models.js'
import { arrayCachePoints } from '../../controller/array-watch/cache-points.js'
import { ingestMetrics } from '../../controller/ingest/ingest-metrics.js'
import type { FleetEvent } from '../../controller/model/snapshot.js'
import { InfluxConnection, type InfluxSeries } from '../../controller/store/influx/influx-connection.js'
import { openServerStore } from '../../controller/store/server/server-store.js'
import { storeMetrics } from '../../controller/store/store-metrics.js'
import type { Point, StoreHealth, TimeSeries } from '../../controller/store/time-series.js'
import { queriedSeries } from '../../controller/store/victoria/answers.js'
import { dashboardSpecs } from '../../dashboards/source/dashboard.js'
import { dashboardFiles } from '../../dashboards/source/files.js'
import { rankedEntities, type Query, type Server } from '../../dashboards/source/query.js'
import { dashboardFleet } from '../support/dashboard-fleet.js'
import { DashboardOracle, type Answer, type Asked } from '../support/dashboard-oracle.js'
import { influxText, prometheusText, type GrafanaMoment } from '../support/grafana-text.js'
import { startInflux, type RunningInflux } from '../support/influx-server.js'
import { policyOf } from '../support/policy-with.js'
import { Replay } from '../support/replay.js'
import { influxStore, serverAddress, victoriaStore } from '../support/server-options.js'
import { settled } from '../support/settled-store.js'
import { startVictoria, type RunningVictoria } from '../support/victoria-server.js'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const startMs = Date.UTC(2026, 2, 3, 4)
const endMs = startMs + 70 * minuteMs
const database = 'headroom'
const reserveMiB = 2048

/** A name is looked for in the last five minutes, and a step is one: until then MetricsQL may still know one of before. */
const settledAfterMs = 7 * minuteMs

/** Each is asked for all of these; what a dashboard has no variable for does not change its queries. */
const choices: readonly [Choice, ...Choice[]] = [
  { host: 'xenhv04', vm: 'kure', array: 'iscsi1' },
  { host: 'xenhv03', vm: 'ns', array: 'box' },
  { host: 'one', vm: 'kvm-mail', array: 'box' },
  { host: 'esxhv01', vm: 'elab-gw', array: 'iscsi1' },
]

interface Choice {
  readonly host: string
  readonly vm: string
  readonly array: string
}

let directory: string
let influx: RunningInflux
let victoria: RunningVictoria
let connection: InfluxConnection
const stores: TimeSeries[] = []
const oracle = new DashboardOracle()
const points: Point[] = []
const events: FleetEvent[] = []
/** Texts of the controller's /metrics, each with its time. */
const scrapes: { readonly atMs: number; readonly values: ReadonlyMap<string, number> }[] = []

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-dashboards-'))
  ;[influx, victoria] = await Promise.all([
    startInflux(join(directory, 'influx')),
    startVictoria(join(directory, 'victoria'), ['-dedup.minScrapeInterval=1ms', '-search.latencyOffset=0s']),
  ])
  connection = new InfluxConnection(serverAddress(influx.url), database, 10_000)
  stores.push(
    await openServerStore(influxStore(serverAddress(influx.url), { path: join(directory, 'influx.db'), database })),
    await openServerStore(victoriaStore(serverAddress(victoria.url), { path: join(directory, 'vm.db'), database })),
  )
  const world = createWorld(dashboardFleet(), { seed: 7, startMs, stepMs: 1000 })
  const replay = new Replay(world, (morePoints, moreEvents) => {
    for (const point of morePoints) points.push(point)
    for (const event of moreEvents) events.push(event)
  })
  replay.connect(startMs)
  const models = new ArrayModels()
  const policy = policyOf('')
  let lookedAtMs = startMs
  for (const tick of simulateTicks(world, { fromMs: startMs, toMs: endMs, stepMs: 30_000 })) {
    if (tick.atMs > lookedAtMs) {
      // All hosts have told of the moment before.
      lookedAtMs = tick.atMs
      models.look(replay.fleet.snapshot(), policy, lookedAtMs)
      points.push(...arrayCachePoints(models.watched, replay.fleet.snapshot(), policy, lookedAtMs))
    }
    replay.take(tick)
  }
  oracle.add(points)
  for (let from = 0; from < points.length; from += 5000) {
    const batch = { points: points.slice(from, from + 5000), events: from === 0 ? events : [], marks: [] }
    await Promise.all(stores.map((store) => store.write(batch)))
  }
  await scrapeController()
  await Promise.all(stores.map((store) => settled(store, { victoriaUrls: [victoria.url], withinMs: 90_000 })))
}, 150_000)

afterAll(async () => {
  connection.close()
  await Promise.all(stores.map((store) => store.close()))
  await Promise.all([influx.server.stop(), victoria.server.stop()])
  rmSync(directory, { recursive: true, maxRetries: 5 })
})

/** The real metrics of a controller with figures that grow, as a scrape brings them, at the end of the time. */
async function scrapeController(): Promise<void> {
  const [store] = stores
  if (store === undefined) throw new Error('no store')
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const metrics = ingestMetrics(registry)
  let round = 0
  const health = async (): Promise<StoreHealth> => {
    const { queue, ...rest } = await store.health()
    if (queue === undefined) throw new Error('no queue')
    return { ...rest, queue: { ...queue, droppedPoints: round * 30, refusedPoints: round * 45, heldPoints: 77 } }
  }
  storeMetrics(registry, { health })
  for (round = 1; round <= 40; round += 1) {
    const atMs = endMs - (40 - round) * 15_000
    metrics.reports.inc({ lane: 'state' }, 15)
    metrics.reports.inc({ lane: 'fast' }, 60)
    metrics.sessions.set(round)
    metrics.unstoredReports.set(round * 2)
    const text = await registry.metrics()
    const url = new URL('/api/v1/import/prometheus', victoria.url)
    url.searchParams.set('timestamp', String(atMs))
    url.searchParams.set('extra_label', 'job=headroom-controller')
    const answer = await fetch(url, { method: 'POST', body: text })
    expect(answer.ok).toBe(true)
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    const values = lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))] as const)
    scrapes.push({ atMs, values: new Map(values) })
  }
}

describe.each(['influxdb', 'victoriametrics'] as const)('dashboards for %s', (server) => {
  const panels = panelsOf(server)

  it.each(panels)('$dashboard: $title', async ({ targets, queries, metrics, intervalMs, isRanking }) => {
    expect(targets).toHaveLength(queries.length + metrics.length)
    for (const [index, query] of queries.entries()) {
      let found = 0
      for (const choice of choices) {
        found += isRanking
          ? await assertRanking(server, targets[index] ?? '', query)
          : await assertOverTime(server, targets[index] ?? '', query, choice, intervalMs)
        if (query.where === undefined || isRanking) break
      }
      expect(found).toBeGreaterThan(0)
    }
    for (const [index, expression] of metrics.entries()) await assertMetric(targets[index] ?? '', expression)
  })

  it('has the variables and the marks of events that its panels need', async () => {
    const hosts = dashboardFleet().hosts.map(({ name }) => name)
    const vms = dashboardFleet().vms.map(({ name }) => name)
    const asked = new Map<string, string>()
    const marks = new Set<string>()
    for (const { path, text } of dashboardFiles().filter((file) => file.path.startsWith(`${server}/`))) {
      expect(readFileSync(`dashboards/${path}`, 'utf8')).toBe(text)
      const { templating, annotations }: Annotated = JSON.parse(text)
      for (const { name, query } of templating.list) if (query !== undefined) asked.set(name, query)
      for (const { target } of annotations.list ?? []) marks.add(target.expr ?? target.query ?? '')
    }
    expect((await valuesOf(server, asked.get('host') ?? '')).toSorted()).toEqual(hosts.toSorted())
    expect((await valuesOf(server, asked.get('hosts') ?? '')).toSorted()).toEqual(hosts.toSorted())
    expect((await valuesOf(server, asked.get('vm') ?? '')).toSorted()).toEqual(vms.toSorted())
    expect(await valuesOf(server, asked.get('array') ?? '')).toEqual(expect.arrayContaining(['iscsi1', 'box']))
    const databases = asked.get('database')
    expect(databases === undefined ? [database] : await valuesOf(server, databases)).toEqual([database])
    expect(databases === undefined).toBe(server === 'influxdb')
    expect(marks.size).toBe(3)
    expect(events.length).toBeGreaterThan(2)
    for (const text of marks) {
      const isOfHost = /\$\{?host/.test(text)
      const isOfVm = /\$\{?vm/.test(text)
      const expected = events
        .filter(({ vmName, hostName }) => (!isOfHost || hostName === 'xenhv04') && (!isOfVm || vmName === 'gashi'))
        .map(({ at, kind, vmName, hostName }) => `${at} ${kind} ${vmName} ${hostName}`)
      expect(expected.length).toBeGreaterThan(0)
      expect((await eventsFound(server, text)).toSorted()).toEqual(expected.toSorted())
    }
  })
})

it('the panels show what was put into the world', async () => {
  const spec = dashboardFleet()
  const moment = momentOf(minuteMs, choices[0])
  const text = targetOf('influxdb', 'noisy-neighbours', 'Write most')
  const rows = await influxRows(influxText(text, moment))
  expect(rows.toSorted((a, b) => b.value - a.value)[0]?.name).toBe('kure')
  const configured = await overTime('victoriametrics', targetOf('victoriametrics', 'capacity', 'Configured'), moment, [
    'name',
  ])
  for (const { name } of spec.hosts.filter((host) => host.name !== 'xenhv04')) {
    const running = spec.vms.filter((vm) => (vm.name === 'ns' ? 'xenhv03' : vm.host) === name && vm.running)
    const bytes = running.reduce((sum, vm) => sum + vm.memoryBytes, 0)
    expect(configured.get(endMs)?.get(name), name).toBe(bytes)
  }
})

interface TestedPanel {
  readonly dashboard: string
  readonly title: string
  readonly targets: readonly string[]
  readonly queries: readonly Query[]
  readonly metrics: readonly string[]
  readonly isRanking: boolean
  readonly intervalMs: number
}

interface PanelJson {
  readonly type: string
  readonly title?: string
  readonly interval?: string
  readonly targets?: readonly { readonly query?: string; readonly expr?: string }[]
}

interface Annotated {
  readonly templating: { readonly list: readonly { readonly name: string; readonly query?: string }[] }
  readonly annotations: {
    readonly list?: readonly { readonly target: { readonly expr?: string; readonly query?: string } }[]
  }
}

/** Panels as they are committed, with what they are to ask. */
function panelsOf(server: Server): TestedPanel[] {
  return dashboardSpecs(server).flatMap((spec) => {
    const { panels }: { panels: readonly PanelJson[] } = JSON.parse(
      readFileSync(`dashboards/${server}/${spec.name}.json`, 'utf8'),
    )
    const committed = panels.filter(({ type }) => type !== 'row')
    const specs = spec.rows.flatMap((row) => row.panels)
    if (committed.length !== specs.length) throw new Error(`${spec.name}: run npm run generate:dashboards`)
    return specs.map(({ title, shows }, index) => ({
      dashboard: spec.name,
      title,
      targets: (committed[index]?.targets ?? []).map(({ query, expr }) => query ?? expr ?? ''),
      queries: 'queries' in shows ? shows.queries : [],
      metrics: 'metrics' in shows ? shows.metrics.map(({ expression }) => expression) : [],
      isRanking: shows.as === 'ranking',
      intervalMs: committed[index]?.interval === '1h' ? hourMs : minuteMs,
    }))
  })
}

function targetOf(server: Server, dashboard: string, title: string): string {
  const panel = panelsOf(server).find((one) => one.dashboard === dashboard && one.title === title)
  return panel?.targets[0] ?? ''
}

function momentOf(intervalMs: number, choice: Choice): GrafanaMoment {
  return {
    fromMs: startMs,
    toMs: endMs,
    intervalMs,
    rateIntervalMs: minuteMs,
    variables: { ...choice, database, reserveMiB: String(reserveMiB) },
    all: { hosts: '.*' },
  }
}

function askedOf(intervalMs: number, choice: Choice): Asked {
  const { host, vm, array } = choice
  const chosen = { host, vm, array, hosts: undefined }
  return { fromMs: startMs, toMs: endMs, stepMs: intervalMs, chosen, reserveBytes: reserveMiB * 2 ** 20 }
}

/** @returns how many values there are */
async function assertOverTime(
  server: Server,
  text: string,
  query: Query,
  choice: Choice,
  intervalMs: number,
): Promise<number> {
  const expected = oracle.overTime(server, query, askedOf(intervalMs, choice))
  const got = await overTime(server, text, momentOf(intervalMs, choice), query.by)
  // A window that begins at the end of the time is not over, and has no roll-up yet.
  const times = [...new Set([...expected.keys(), ...got.keys()])].filter((atMs) => isComparable(server, query, atMs))
  let values = 0
  for (const atMs of times) {
    const [truth, answer] = [
      expected.get(atMs) ?? new Map<string, number>(),
      got.get(atMs) ?? new Map<string, number>(),
    ]
    const where = `${text} at ${new Date(atMs).toISOString()}`
    expect([...answer.keys()].toSorted(), where).toEqual([...truth.keys()].toSorted())
    for (const [series, value] of truth) {
      const difference = Math.abs((answer.get(series) ?? NaN) - value)
      expect(difference, `${where}: ${series}: ${answer.get(series)} for ${value}`).toBeLessThanOrEqual(
        1e-9 * Math.abs(value) + 1e-9,
      )
      values += 1
    }
  }
  return values
}

function isComparable(server: Server, query: Query, atMs: number): boolean {
  if (query.tier !== undefined) return atMs < endMs
  const hasNames = query.by.some((name) => name === 'hostName') || query.where !== undefined
  const isSettling = atMs >= startMs + 10 * minuteMs && atMs < startMs + 10 * minuteMs + settledAfterMs
  return server === 'influxdb' || !(query.kind === 'vm' && hasNames && isSettling)
}

async function assertRanking(server: Server, text: string, query: Query): Promise<number> {
  const [choice] = choices
  const expected = oracle.ranking(query, askedOf(minuteMs, choice))
  const moment = momentOf(minuteMs, choice)
  const rows =
    server === 'influxdb' ? await influxRows(influxText(text, moment)) : await metricsRows(prometheusText(text, moment))
  const got = rows.toSorted((a, b) => b.value - a.value)
  // Of equal ones any may be the last that is shown.
  expect(got).toHaveLength(Math.min(rankedEntities, expected.length))
  for (const [index, { name, value }] of got.entries()) {
    expect(value, `${text}: place ${index + 1}`).toBeCloseTo(expected[index]?.[1] ?? NaN, 6)
    expect(value, `${text}: ${name}`).toBeCloseTo(expected.find(([one]) => one === name)?.[1] ?? NaN, 6)
  }
  return expected.length
}

/** What the last scrapes give, by a reading of the expression of our own. */
async function assertMetric(text: string, expression: string): Promise<void> {
  const found = /(headroom|process|nodejs)_\w+/.exec(expression)?.[0] ?? ''
  const by = / by \((\w+)\)/.exec(expression)?.[1]
  const last = scrapes.at(-1)
  const before = scrapes.at(-5)
  if (last === undefined || before === undefined) throw new Error('no scrapes')
  const isRate = expression.includes('rate(')
  const expected = new Map<string, number>()
  for (const [name, value] of last.values) {
    if (name !== found && !name.startsWith(`${found}{`)) continue
    const key = by === undefined ? '' : (new RegExp(`${by}="([^"]*)"`).exec(name)?.[1] ?? '')
    const figure = isRate ? (value - (before.values.get(name) ?? NaN)) / 60 : value
    expected.set(key, (expected.get(key) ?? 0) + figure)
  }
  expect(expected.size).toBeGreaterThan(0)
  const got = await overTime('victoriametrics', text, momentOf(minuteMs, choices[0]), by === undefined ? [] : [by])
  for (const [series, value] of expected) expect(got.get(endMs)?.get(series), `${text} ${series}`).toBeCloseTo(value, 6)
  expect(got.get(endMs)?.size).toBe(expected.size)
}

async function overTime(server: Server, text: string, moment: GrafanaMoment, by: readonly string[]): Promise<Answer> {
  const answer = new Map<number, Map<string, number>>()
  const put = (atMs: number, labels: Readonly<Record<string, string>>, value: number): void => {
    const series = answer.get(atMs) ?? new Map<string, number>()
    answer.set(atMs, series)
    series.set(by.map((name) => labels[name] ?? '').join(' '), value)
  }
  if (server === 'influxdb') {
    const [series = []] = await connection.query(influxText(text, moment))
    for (const { tags, values } of series) {
      for (const [atMs, value] of values) if (typeof value === 'number') put(Number(atMs), tags, value)
    }
    return answer
  }
  const query = { query: prometheusText(text, moment), start: moment.fromMs / 1000, end: moment.toMs / 1000 }
  const found = await metricsAnswer('/api/v1/query_range', { ...query, step: moment.intervalMs / 1000 })
  for (const { labels, samples } of queriedSeries(found))
    for (const { atMs, value } of samples) put(atMs, labels, value)
  return answer
}

interface Row {
  readonly name: string
  readonly value: number
}

async function influxRows(text: string): Promise<Row[]> {
  const [series = []] = await connection.query(text)
  return series.flatMap(({ columns, values }: InfluxSeries) =>
    values.map((row) => ({
      name: String(row[columns.indexOf('name')]),
      value: Number(row[columns.indexOf('value')]),
    })),
  )
}

async function metricsRows(text: string): Promise<Row[]> {
  const found = queriedSeries(await metricsAnswer('/api/v1/query', { query: text, time: endMs / 1000 }))
  return found.map(({ labels, samples }) => ({ name: labels['name'] ?? '', value: samples[0]?.value ?? NaN }))
}

async function metricsAnswer(path: string, parameters: Readonly<Record<string, string | number>>): Promise<string> {
  const url = new URL(path, victoria.url)
  for (const [name, value] of Object.entries({ ...parameters, nocache: 1 })) url.searchParams.set(name, String(value))
  const answer = await fetch(url)
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${text}: ${JSON.stringify(parameters)}`)
  return text
}

/** Values of a variable, as Grafana finds them. */
async function valuesOf(server: Server, text: string): Promise<string[]> {
  const moment = momentOf(minuteMs, choices[0])
  if (server === 'influxdb') {
    const [series = []] = await connection.query(influxText(text, moment))
    return series.flatMap(({ values }) => values.map((row) => String(row[1])))
  }
  const [, selector = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(prometheusText(text, moment)) ?? []
  const parameters = { 'match[]': selector, start: startMs / 1000, end: endMs / 1000 }
  const found: { data: string[] } = JSON.parse(await metricsAnswer(`/api/v1/label/${label}/values`, parameters))
  return found.data
}

/** `time kind VM host` of each mark. */
async function eventsFound(server: Server, text: string): Promise<string[]> {
  const moment = momentOf(minuteMs, { ...choices[0], host: 'xenhv04', vm: 'gashi' })
  if (server === 'influxdb') {
    const [series = []] = await connection.query(influxText(text, moment))
    return series.flatMap(({ columns, values }) =>
      values.map((row) => {
        const cell = (name: string): string => asText(row[columns.indexOf(name)])
        return [cell('time'), cell('text').split(/[ :]+/)[1], cell('vmName'), cell('hostName')].join(' ')
      }),
    )
  }
  const query = { query: prometheusText(text, moment), start: startMs / 1000, end: endMs / 1000, step: 60 }
  const found = queriedSeries(await metricsAnswer('/api/v1/query_range', query))
  return found.flatMap(({ labels, samples }) =>
    samples.map(
      ({ value }) => `${value} ${labels['kind'] ?? ''} ${labels['vmName'] ?? ''} ${labels['hostName'] ?? ''}`,
    ),
  )
}

function asText(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}
