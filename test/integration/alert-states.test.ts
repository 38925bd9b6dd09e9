import { afterEach, describe, expect, test } from 'vitest'

import type { AlertDesk } from '../../controller/alerts/desk/alert-desk.js'
import type { AlertSettings } from '../../controller/alerts/settings.js'
import { DeskWorld, type Death } from '../support/alerts/desk-world.js'
import { plainSettings } from '../support/alerts/timeline.js'

/** What people do to alerts, and flapping, over kills around every commit and delivery, restarts and clocks that are set, on a real state store. */

const base: AlertSettings = {
  ...plainSettings,
  defaultHold: { raiseAfterMs: 5000, clearAfterMs: 4000 },
  flapping: { ...plainSettings.flapping, firings: 100 },
  routes: [
    {
      name: 'all',
      match: {},
      to: [
        { kind: 'webhook', url: 'http://one/', secretFile: 's' },
        { kind: 'email', to: ['ops@example.org'] },
      ],
      groupBy: ['subject'],
      groupWaitMs: 2000,
      groupIntervalMs: 3000,
      repeatMs: 12_000,
    },
  ],
}

interface Story {
  readonly settings: AlertSettings
  /** What is said from a second on. */
  readonly say: Readonly<Record<number, string>>
  readonly seconds: number
  /** Of its operations each how many-th is tried as the last of a process: all would take minutes. */
  readonly every: number
  /** What somebody sees to in each second from that one on, until it is done; true if there is nothing left to do. */
  readonly from: number
  readonly seeTo: (desk: AlertDesk, isTold: boolean) => Promise<boolean>
  /** What each way is told, whatever happens; sorted. */
  readonly told: readonly string[]
}

const nothingToDo = (): Promise<boolean> => Promise.resolve(true)

const stories: Readonly<Record<string, Story>> = {
  acknowledged: {
    settings: base,
    say: { 0: 'x', 32: '' },
    seconds: 60,
    every: 1,
    from: 0,
    seeTo: async (desk, isTold) => {
      // Who acknowledges it sooner has nobody told of it.
      if (!isTold) return false
      const alert = [...desk.alerts.values()].find(({ phase }) => phase === 'firing')
      if (alert?.number === undefined) return false
      if (alert.acknowledged === undefined) await desk.acknowledge(alert.number, 'ann', 'on it')
      return true
    },
    // No reminder: it is acknowledged before the first is due, and stays so.
    told: ['fired x', 'resolved x'],
  },
  silenced: {
    settings: base,
    say: { 0: 'x', 50: '' },
    seconds: 75,
    every: 2,
    from: 1,
    seeTo: async (desk) => {
      if (desk.silences().length === 0) await desk.addSilence({ subject: 'vm:x' }, 25_000, 'ann', 'work')
      return true
    },
    told: ['fired x', 'reminder x', 'resolved x'],
  },
  flapping: {
    settings: {
      ...base,
      flapping: { firings: 3, windowMs: 3_600_000, quietMs: 20_000 },
      routes: base.routes.map((route) => ({ ...route, repeatMs: 1e9 })),
    },
    say: { 0: 'x', 17: '', 34: 'x', 51: '', 68: 'x', 85: '' },
    seconds: 125,
    every: 5,
    from: 0,
    seeTo: nothingToDo,
    told: ['fired x', 'fired x', 'fired x', 'resolved x', 'resolved x', 'resolved x'],
  },
}

let worlds: DeskWorld[] = []

afterEach(async () => {
  for (const world of worlds) {
    await world.close()
    world.remove()
  }
  worlds = []
})

function newWorld({ settings }: Pick<Story, 'settings'>): DeskWorld {
  const world = new DeskWorld(settings)
  worlds.push(world)
  return world
}

/** Lives through a story; a process that dies is followed by another at once. */
async function live(
  world: DeskWorld,
  story: Story,
  meanwhile: (second: number) => Promise<void> | void = () => undefined,
): Promise<void> {
  const again = async (): Promise<void> => {
    world.death = undefined
    await world.close()
    await world.open()
  }
  await world.open()
  let isDone = false
  for (let second = 0; second < story.seconds; second += 1) {
    world.words = story.say[second] ?? world.words
    await meanwhile(second)
    if (!isDone && second >= story.from) {
      const lived = await world.ask(async (desk) => {
        isDone = await story.seeTo(desk, world.deliveries.length > 0)
      })
      // Who was not answered looks again.
      if (!lived) await again()
    }
    if (!(await world.tick())) await again()
  }
}

function expectTold(world: DeskWorld, { told }: Story, about: string): void {
  const words = (kind: string): string[] =>
    world
      .distinct()
      .filter(({ target }) => target.includes(`"${kind}"`))
      .flatMap(({ message }) => message.changes.map(({ what, alert }) => `${what} ${alert.subject.id}`))
      .sort()
  // How often somebody is reminded depends on how long it fires.
  const distinct = (all: readonly string[]): string[] =>
    all.filter((word, index) => !word.startsWith('reminder') || all.indexOf(word) === index)
  for (const kind of ['webhook', 'email']) expect(distinct(words(kind)), `${about}, ${kind}`).toEqual(told)
}

describe.each(Object.entries(stories))('%s', (name, story) => {
  test('killed around commits and deliveries', { timeout: 120_000 }, async () => {
    const whole = newWorld(story)
    await live(whole, story)
    expectTold(whole, story, 'without a death')
    const first = momentOf(whole, 'fired')
    for (let atOperation = 2; atOperation < whole.operations; atOperation += story.every) {
      // Before one is after the one before it, but for what is decided between them.
      const death: Death = { atOperation, side: Math.floor(atOperation / story.every) % 3 === 0 ? 'before' : 'after' }
      const world = newWorld(story)
      world.death = death
      await live(world, story)
      expectTold(world, story, JSON.stringify(death))
      expect(world.deliveries.length - world.distinct().length, JSON.stringify(death)).toBeLessThanOrEqual(2)
      const laterMs = momentOf(world, 'fired') - first
      // What a crash costs of what was watched makes hold times longer, never shorter; a silence ends as was said.
      expect(laterMs, JSON.stringify(death)).toBeGreaterThanOrEqual(0)
      expect(laterMs, JSON.stringify(death)).toBeLessThanOrEqual(6000)
      await world.close()
    }
  })

  test('restarted in order at moments all through it', { timeout: 60_000 }, async () => {
    for (let at = 1; at < story.seconds; at += 4 + 3 * story.every) {
      const world = newWorld(story)
      await live(world, story, async (second) => {
        if (second !== at) return
        await world.close()
        await world.open()
      })
      expectTold(world, story, `restarted at ${at}`)
      expect(world.deliveries.length, `restarted at ${at}`).toBe(world.distinct().length)
      await world.close()
    }
  })

  test.each([-3_600_000, 400 * 86_400_000])(
    'the wall clock steps by %d ms and back at moments all through it',
    { timeout: 60_000 },
    async (stepMs) => {
      const whole = newWorld(story)
      await live(whole, story)
      for (let at = 2; at < story.seconds; at += 9 + 2 * story.every) {
        const world = newWorld(story)
        await live(world, story, (second) => {
          if (second === at) world.clock.wallMs += stepMs
          if (second === at + 4) world.clock.wallMs -= stepMs
        })
        expectTold(world, story, `stepped at ${at}`)
        // Silences alone end by the wall clock.
        const toCompare = name === 'silenced' ? (['resolved'] as const) : (['fired', 'resolved'] as const)
        for (const what of toCompare) expect(momentOf(world, what), `stepped at ${at}`).toBe(momentOf(whole, what))
        await world.close()
      }
    },
  )
})

/** When the first, or the last, of the kind was told, by the clock that nobody sets. */
function momentOf(world: DeskWorld, what: 'fired' | 'resolved'): number {
  const all = world.deliveries.filter(({ message }) => message.changes.some((change) => change.what === what))
  return (what === 'fired' ? all[0] : all.at(-1))?.at ?? Number.NaN
}

test('ids of messages that were sent while nothing could be kept are not given again after a kill', async () => {
  const world = newWorld({ settings: base })
  await world.open()
  for (let second = 0; second < 3; second += 1) await world.tick()
  world.saveFails = true
  world.words = 'x'
  for (let second = 0; second < 10; second += 1) await world.tick()
  const [lost] = world.distinct()
  expect(lost?.message.changes.map(({ alert }) => alert.subject.id)).toEqual(['x'])
  world.kill()
  await world.close()
  world.saveFails = false
  world.words = 'y'
  await world.open()
  for (let second = 0; second < 10; second += 1) await world.tick()
  // `distinct` fails if one id stands for two things.
  const told = world.distinct().map(({ message }) => message.changes.map(({ alert }) => alert.subject.id).join())
  expect(told.toSorted()).toEqual(['x', 'x', 'y', 'y'])
  // Each way is told of both.
  const numbers = new Map(
    world.distinct().flatMap(({ message }) => message.changes.map(({ alert }) => [alert.subject.id, alert.number])),
  )
  expect([...numbers]).toEqual([
    ['x', 1],
    ['y', 2],
  ])
})
