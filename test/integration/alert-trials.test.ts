import { once } from 'node:events'
import { createServer } from 'node:http'

import { afterEach, expect, test } from 'vitest'

import { DeskWorld, type Death } from '../support/alerts/desk-world.js'
import { plainSettings } from '../support/alerts/timeline.js'
import type { Outcome } from '../../controller/alerts/channels/channel.js'
import type { AlertSettings, Route } from '../../controller/alerts/settings.js'

const route: Route = {
  name: 'all',
  match: {},
  to: [
    { kind: 'webhook', url: 'http://one/', secretFile: 's' },
    { kind: 'email', to: ['ops@example.org'] },
  ],
  groupBy: ['subject'],
  groupWaitMs: 2000,
  groupIntervalMs: 3000,
  repeatMs: 1e9,
}
const settings: AlertSettings = {
  ...plainSettings,
  defaultHold: { raiseAfterMs: 5000, clearAfterMs: 4000 },
  flapping: { ...plainSettings.flapping, firings: 100 },
  routes: [route],
}

/** What is said from a second on. */
const story: Readonly<Record<number, string>> = { 0: 'x', 8: 'x y', 14: 'y', 20: 'y!', 34: 'x y!', 54: '' }
const storySeconds = 90

let worlds: DeskWorld[] = []

afterEach(async () => {
  for (const world of worlds) {
    await world.close()
    world.remove()
  }
  worlds = []
})

function newWorld(rules = settings): DeskWorld {
  const world = new DeskWorld(rules)
  worlds.push(world)
  return world
}

/** Lives through the story; a process that dies is followed by another at once. */
async function live(
  world: DeskWorld,
  meanwhile: (second: number) => Promise<void> | void = () => undefined,
): Promise<void> {
  await world.open()
  for (let second = 0; second < storySeconds; second += 1) {
    world.words = story[second] ?? world.words
    await meanwhile(second)
    // Now and then nobody can be told.
    world.answer = failingNowAndThen(second)
    if (!(await world.tick())) {
      world.death = undefined
      await world.close()
      await world.open()
    }
  }
}

function failingNowAndThen(second: number): (target: string) => Outcome | undefined {
  return () => (second % 10 === 5 ? { status: 'retry', reason: 'not now' } : undefined)
}

/** `fired vm:x`, sorted, of each way. */
function told(world: DeskWorld): string[] {
  return world
    .distinct()
    .flatMap(({ target, message }) =>
      message.changes.map(({ what, alert, before }) => `${target} ${what} ${alert.subject.id} ${before ?? ''}`),
    )
    .sort()
}

const expected = ['webhook', 'email'].flatMap((kind) =>
  ['fired x', 'resolved x', 'fired y', 'severity y warning', 'resolved y', 'fired x', 'resolved x'].map(
    (word) => [kind, word] as const,
  ),
)

function expectAllToldOnce(world: DeskWorld, about: string): void {
  const words = told(world).map((word) => word.replace(/^\["all","(\w+)".*?\] /, '$1 ').trim())
  expect(words, about).toEqual(expected.map((pair) => pair.join(' ')).sort())
}

function firedAtMs(world: DeskWorld, id: string): number {
  const changes = world.distinct().flatMap(({ message }) => message.changes)
  return changes.find(({ what, alert }) => what === 'fired' && alert.subject.id === id)?.atMs ?? Number.NaN
}

test(
  'killed around any commit and any delivery: nothing is told twice, nothing is lost',
  { timeout: 120_000 },
  async () => {
    const whole = newWorld()
    await live(whole)
    expectAllToldOnce(whole, 'without a death')
    const operations = whole.operations
    expect(operations).toBeGreaterThan(40)
    const deaths = Array.from({ length: operations }, (_, at) => at).flatMap((atOperation): Death[] => [
      { atOperation, side: 'before' },
      { atOperation, side: 'after' },
    ])
    // Opening is an operation too, and the first: a desk that dies there never began.
    for (const death of deaths.filter(({ atOperation }) => atOperation > 1)) {
      const world = newWorld()
      world.death = death
      await live(world)
      expectAllToldOnce(world, JSON.stringify(death))
      // Both ways may have been under way.
      expect(world.deliveries.length - world.distinct().length, JSON.stringify(death)).toBeLessThanOrEqual(2)
      // A crash may cost what was watched since the clock was kept: hold times grow by that, and never shrink.
      const laterMs = firedAtMs(world, 'y') - firedAtMs(whole, 'y')
      expect(laterMs, JSON.stringify(death)).toBeGreaterThanOrEqual(0)
      expect(laterMs, JSON.stringify(death)).toBeLessThanOrEqual(6000)
      await world.close()
    }
  },
)

test('restarted in order at any second: as if it had not been', { timeout: 60_000 }, async () => {
  for (let at = 0; at < storySeconds; at += 4) {
    const world = newWorld()
    await live(world, async (second) => {
      if (second !== at) return
      await world.close()
      await world.open()
    })
    expectAllToldOnce(world, `restarted at ${at}`)
    expect(world.deliveries.length, `restarted at ${at}`).toBe(world.distinct().length)
  }
})

test.each([-400 * 86_400_000, -3_600_000, 3_600_000, 400 * 86_400_000])(
  'the wall clock steps by %d ms and back, at any second: nothing is told twice, nothing is lost, hold times are honoured',
  { timeout: 60_000 },
  async (stepMs) => {
    for (let at = 0; at < storySeconds; at += 7) {
      const world = newWorld()
      await live(world, (second) => {
        if (second === at) world.clock.wallMs += stepMs
        if (second === at + 6) world.clock.wallMs -= stepMs
      })
      expectAllToldOnce(world, `stepped at ${at}`)
      const fired = world.deliveries.find(({ message }) => message.changes.some(({ what }) => what === 'fired'))
      // 5 s of hold and 2 s of waiting for the group, from the first step at 2000.
      expect(fired?.at, `stepped at ${at}`).toBe(9000)
    }
  },
)

/** Forty machines have trouble in turn, in groups of four, while nobody can be told. */
async function outage(world: DeskWorld): Promise<void> {
  world.answer = () => ({ status: 'retry', reason: 'connection refused' })
  for (let second = 0; second < 3600; second += 5) {
    const first = Math.floor(second / 90)
    world.words = `m${first} m${first + 1} z`
    expect(await world.tick(5000)).toBe(true)
  }
}

test(
  'Alertmanager and mail down for an hour: nothing is lost inside the bounds, and no storm follows',
  { timeout: 60_000 },
  async () => {
    const world = newWorld({
      ...settings,
      routes: [{ ...route, to: [...route.to, { kind: 'alertmanager', url: 'http://am/', resendMs: 60_000 }] }],
    })
    await world.open()
    await outage(world)
    expect(world.deliveries).toEqual([])
    world.answer = () => undefined
    const atOnce: number[] = []
    for (let second = 0; second < 300; second += 1) {
      const before = world.deliveries.length
      await world.tick()
      atOnce.push(world.deliveries.length - before)
    }
    // One message of each way had been tried, the others became one; a further one may tell what happened since.
    expect(world.deliveries.length).toBeLessThanOrEqual(9)
    expect(Math.max(...atOnce)).toBeLessThanOrEqual(3)
    for (const target of new Set(world.deliveries.map(({ target }) => target))) {
      const changes = world.distinct(target).flatMap(({ message }) => message.changes)
      const ofMachine = (id: string): string[] =>
        changes.filter(({ alert }) => alert.subject.id === id).map(({ what }) => what)
      // The last two may still be on their way to be over.
      for (let index = 0; index < 39; index += 1) {
        expect(ofMachine(`m${index}`), `${target} m${index}`).toEqual(['fired', 'resolved'])
      }
      for (const id of ['m39', 'm40', 'z']) expect(ofMachine(id)[0], `${target} ${id}`).toBe('fired')
    }
    expect(await world.counter('headroom_alert_messages_total')).toBeGreaterThan(0)
    // What fires is said to Alertmanager again and again.
    expect(world.resent.length).toBeGreaterThanOrEqual(2)
    expect(world.resent.at(-1)?.alerts.map(({ subject }) => subject.id)).toContain('z')
  },
)

test('a state store that fails stops no alerts: they go on in memory, and are durable when it is back', async () => {
  const world = newWorld()
  await world.open()
  world.words = 'x'
  world.saveFails = true
  for (let second = 0; second < 10; second += 1) await world.tick()
  expect(world.deliveries.map(({ message }) => message.changes[0]?.what)).toEqual(['fired', 'fired'])
  expect(await world.counter('headroom_alert_save_failures_total')).toBeGreaterThan(5)
  world.saveFails = false
  await world.tick()
  await world.close()
  await world.open()
  expect(world.desk.alert(1)?.finding.subject.id).toBe('x')
  const { entries } = await world.desk.history({ fromMs: 0, toMs: Infinity, limit: 10, matches: () => true })
  expect(entries.map(({ what }) => what)).toEqual(['fired'])
  for (let second = 0; second < 10; second += 1) await world.tick()
  expect(world.deliveries).toHaveLength(2)
})

test('checks that fail end nothing and raise nothing; what waits is sent all the same', async () => {
  const world = newWorld()
  await world.open()
  world.words = 'x'
  world.answer = () => ({ status: 'retry', reason: 'not now' })
  for (let second = 0; second < 9; second += 1) await world.tick()
  world.lookFails = true
  world.answer = () => undefined
  for (let second = 0; second < 60; second += 1) await world.tick()
  expect(world.deliveries).toHaveLength(2)
  expect(world.desk.alert(1)?.sighting).toBe('raised')
  expect(await world.counter('headroom_alert_look_failures_total')).toBe(60)
})

test('a message that is refused for good does not hold up the next, and is counted', async () => {
  const world = newWorld({ ...settings, routes: [{ ...route, to: route.to.slice(0, 1) }] })
  await world.open()
  world.words = 'x'
  let refusals = 0
  world.answer = () => ((refusals += 1) === 1 ? { status: 'rejected', reason: 'answered 400' } : undefined)
  for (let second = 0; second < 12; second += 1) await world.tick()
  const { troubles } = world.desk
  expect(troubles).toEqual([{ route: 'all', kind: 'webhook', to: 'http://one', problem: 'answered 400', waiting: 0 }])
  expect(world.desk.troubles).toBe(troubles)
  world.words = ''
  for (let second = 0; second < 12; second += 1) await world.tick()
  expect(world.deliveries.map(({ message }) => message.changes[0]?.what)).toEqual(['resolved'])
  expect(world.desk.routes()[0]?.targets[0]).toMatchObject({ waiting: 0, lane: { problem: '' } })
  expect(world.desk.troubles).toEqual([])
})

test('what was refused for good is said over a restart too, and not of a way that is gone', async () => {
  const world = newWorld({ ...settings, routes: [{ ...route, to: route.to.slice(0, 1) }] })
  await world.open()
  world.words = 'x'
  world.answer = () => ({ status: 'rejected', reason: 'answered 400' })
  for (let second = 0; second < 12; second += 1) await world.tick()
  const told = { route: 'all', kind: 'webhook', to: 'http://one', problem: 'answered 400', waiting: 0 }
  await world.close()
  await world.open()
  expect(world.desk.troubles).toEqual([told])
  world.settings = { ...world.settings, routes: [] }
  await world.tick()
  world.settings = { ...world.settings, routes: [{ ...route, to: route.to.slice(0, 1) }] }
  expect(world.desk.troubles).toEqual([])
})

test('two webhooks of one origin are told apart, and their secrets are not shown', async () => {
  const to = ['one', 'two'].map((path) => ({
    kind: 'webhook' as const,
    url: `https://hooks.example/${path}`,
    secretFile: 's',
  }))
  const world = newWorld({ ...settings, routes: [{ ...route, to }] })
  await world.open()
  world.words = 'x'
  world.answer = () => ({ status: 'retry', reason: 'not now' })
  for (let second = 0; second < 12; second += 1) await world.tick()
  expect(world.desk.troubles.map((trouble) => trouble.to)).toEqual([
    'https://hooks.example/…',
    'https://hooks.example/… (2)',
  ])
})

test('a recipient who is put off gets all in its order, over a restart too; the others get it once and at once', async () => {
  const both: Route = { ...route, to: [{ kind: 'email', to: ['bob@example.org', 'ops@example.org'] }] }
  const world = newWorld({ ...settings, routes: [both] })
  await world.open()
  // As a server that greylists bob.
  world.answer = (_target, message) => {
    const { recipients = [] } = message ?? {}
    if (!recipients.includes('bob@example.org')) return undefined
    const reason = '450 come back later'
    return recipients.length === 1
      ? { status: 'retry', reason }
      : { status: 'partly', reason, recipients: ['bob@example.org'] }
  }
  const reached = (name: string): string[] =>
    world.deliveries.flatMap(({ message: { recipients, changes } }) =>
      recipients.includes(name) ? changes.map(({ what, alert }) => `${what} ${alert.subject.id}`) : [],
    )
  world.words = 'x'
  for (let second = 0; second < 20; second += 1) await world.tick()
  expect(world.deliveries).toHaveLength(1)
  expect(world.desk.routes()[0]?.targets[0]).toMatchObject({ waiting: 1, lane: { problem: '450 come back later' } })
  await world.close()
  await world.open()
  world.words = ''
  for (let second = 0; second < 20; second += 1) await world.tick()
  expect(reached('ops@example.org')).toEqual(['fired x', 'resolved x'])
  // The first of them was not for bob, though the mail named him.
  world.deliveries.length = 0
  world.answer = () => undefined
  for (let second = 0; second < 130; second += 1) await world.tick()
  expect(reached('bob@example.org')).toEqual(['fired x', 'resolved x'])
  expect(reached('ops@example.org')).toEqual([])
  expect(world.desk.routes()[0]?.targets[0]).toMatchObject({ waiting: 0, lane: { problem: '' } })
})

test('two thousand machines at once are one message, which says how many did not fit', async () => {
  const world = newWorld({ ...settings, routes: [{ ...route, groupBy: ['check'], to: route.to.slice(0, 1) }] })
  await world.open()
  world.words = Array.from({ length: 2000 }, (_, index) => `m${index}`).join(' ')
  for (let second = 0; second < 10; second += 1) await world.tick()
  expect(world.deliveries.map(({ message }) => [message.changes.length, message.leftOut, message.firing])).toEqual([
    [500, 1500, 2000],
  ])
})

test('a sign of life is given while alerts are looked after, and not while the checks fail', async () => {
  let asked = 0
  const server = createServer((_request, response) => {
    asked += 1
    response.end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/`
  const world = newWorld({ ...settings, heartbeat: { everyMs: 5000, url } })
  await world.open()
  for (let second = 0; second < 21; second += 1) await world.tick()
  expect(asked).toBe(5)
  world.lookFails = true
  for (let second = 0; second < 20; second += 1) await world.tick()
  expect(asked).toBe(5)
  world.lookFails = false
  await world.tick()
  expect(asked).toBe(6)
  server.close()
  // Nobody there is a failure to be seen, and holds up nothing.
  server.closeAllConnections()
  for (let second = 0; second < 6; second += 1) await world.tick()
  const failed = await world.registry.getSingleMetric('headroom_alert_heartbeats_total')?.get()
  expect(failed?.values.find(({ labels }) => labels['outcome'] === 'failed')?.value).toBe(1)
})
