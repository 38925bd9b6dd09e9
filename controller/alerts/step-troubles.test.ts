import { describe, expect, test } from 'vitest'

import { plainSettings, played, type Timeline } from '../../test/support/alerts/timeline.js'
import { acknowledge, addSilence } from './people.js'
import type { AlertState } from './step.js'

/** Every state of an alert, and what may happen to the controller and its clock meanwhile. */

type Story = Pick<Timeline, 'say' | 'act' | 'settings'>

interface State {
  readonly name: string
  readonly story: Story
  /** A second in which it is in that state. */
  readonly at: number
  readonly expect: readonly string[]
}

const until = 330
const [all] = plainSettings.routes
const repeating = { routes: all === undefined ? [] : [{ ...all, repeatMs: 25_000 }] }
const acknowledging = {
  70: (state: AlertState, atMs: number) => acknowledge(state, 1, { author: 'ann', atMs, note: 'on it' })?.state,
}
const silencing = (subject: string, forSeconds: number) => (state: AlertState, atMs: number) => {
  const times = { createdAtMs: atMs, untilMs: atMs + forSeconds * 1000 }
  return addSilence(state, { id: 's1', match: { subject }, ...times, author: 'ann', reason: 'work' }, atMs, 10)
}
const once = ['60 fired vm:x', '60 tell fired vm:x', '130 resolved vm:x', '130 tell resolved vm:x']
const flaps: Story = {
  settings: {
    checks: { slow: { raiseAfterMs: 5000, clearAfterMs: 5000 } },
    flapping: { firings: 3, windowMs: 3_600_000, quietMs: 60_000 },
  },
  say: { 0: 'x', 40: '', 80: 'x', 120: '', 160: 'x', 200: '' },
}
const flapping = [5, 45, 85, 125, 165, 260].flatMap((second, index) => {
  const what = index % 2 === 0 ? 'fired' : 'resolved'
  const detail = second === 165 ? ' (flapping: fired 3 times of late)' : ''
  return [`${second} ${what} vm:x${detail}`, `${second} tell ${what} vm:x`]
})

const plain: Story = { say: { 0: 'x', 100: '' } }
const states: readonly State[] = [
  { name: 'pending', story: plain, at: 30, expect: once },
  { name: 'firing', story: plain, at: 75, expect: once },
  { name: 'resolving', story: plain, at: 112, expect: once },
  { name: 'resolved', story: plain, at: 140, expect: once },
  {
    name: 'acknowledged',
    story: { say: { 0: 'x', 150: '' }, act: acknowledging, settings: repeating },
    at: 90,
    expect: ['60 fired vm:x', '60 tell fired vm:x', '180 resolved vm:x', '180 tell resolved vm:x'],
  },
  {
    name: 'waiting for a higher severity',
    story: { say: { 0: 'x', 100: 'x!', 200: '' } },
    at: 120,
    expect: [
      '60 fired vm:x',
      '60 tell fired vm:x',
      '160 severity vm:x critical (was warning)',
      '160 tell severity vm:x warning to critical',
      '230 resolved vm:x',
      '230 tell resolved vm:x',
    ],
  },
  {
    name: 'explained by another',
    story: { say: { 0: 'h1 x@h1', 100: 'x@h1', 200: '' } },
    at: 75,
    expect: [
      '60 fired host:h1',
      '60 fired vm:x',
      '60 tell fired host:h1',
      '130 resolved host:h1',
      '130 tell resolved host:h1',
      '130 tell fired vm:x',
      '230 resolved vm:x',
      '230 tell resolved vm:x',
    ],
  },
  {
    name: 'not seen',
    story: { say: { 0: 'x', 70: '?x', 100: '' } },
    at: 80,
    expect: once,
  },
  { name: 'pending for the third time', story: flaps, at: 162, expect: flapping },
  { name: 'flapping', story: flaps, at: 175, expect: flapping },
  { name: 'flapping and clear', story: flaps, at: 220, expect: flapping },
]

/** Silences end by the wall clock: theirs are the only times that depend on it. */
const silenced: State = {
  name: 'silenced',
  story: { say: { 0: 'x', 150: '' }, act: { 10: silencing('vm:x', 90) } },
  at: 75,
  expect: ['60 fired vm:x', '100 tell fired vm:x', '180 resolved vm:x', '180 tell resolved vm:x'],
}

const hour = 3600
const offs = [-10 * 365 * 24 * hour, -24 * hour, -hour, hour, 24 * hour, 10 * 365 * 24 * hour]

function playedWith({ story }: State, more: Partial<Timeline>): string[] {
  return played({ name: '', until, expect: [], ...story, ...more })
}

describe.each([...states, silenced].map((state) => [state.name, state] as const))('%s', (_name, state) => {
  test('without trouble', () => {
    expect(playedWith(state, {})).toEqual(state.expect)
  })

  test('a restart in any second changes nothing', () => {
    for (let second = state.at % 10; second <= until; second += 10) {
      expect(playedWith(state, { restartAt: [second] }), `at ${second}`).toEqual(state.expect)
    }
    expect(playedWith(state, { restartAt: Array.from({ length: until }, (_, second) => second) })).toEqual(state.expect)
  })

  test.each(offs)('a wall clock that goes wrong by %d s while it is so, and right again', (off) => {
    const story = playedWith(state, { wallOffBy: { [state.at]: off, [state.at + 10]: 0 } })
    // By a clock that is ahead the silence is over: it is told then, and not again.
    const early = state === silenced && off > 0
    expect(story).toEqual(early ? state.expect.map((word) => word.replace(/^100 /, `${state.at} `)) : state.expect)
  })
})

test.each(offs)('a wall clock that stays wrong by %d s from any state on', (off) => {
  for (const state of states) {
    expect(playedWith(state, { wallOffBy: { [state.at]: off } }), state.name).toEqual(state.expect)
  }
})

test('what is not watched while the controller is down neither counts nor is lost, whatever the state', () => {
  const downFor = 50
  for (const state of states) {
    // What is said goes on as if nothing had happened, but later; so does what people do. The first step after a start has watched nothing.
    const late = <T>(by: Readonly<Record<number, T>> = {}): Record<number, T> =>
      Object.fromEntries(
        Object.entries(by).map(([second, what]) => [
          Number(second) + (Number(second) > state.at ? downFor + 1 : 0),
          what,
        ]),
      )
    const story = played({
      name: '',
      expect: [],
      until: until + downFor + 1,
      settings: state.story.settings ?? {},
      say: late(state.story.say),
      act: late(state.story.act),
      down: { [state.at]: downFor },
    })
    const expected = state.expect.map((word) =>
      word.replace(/^\d+/, (second) => String(Number(second) + (Number(second) > state.at ? downFor + 1 : 0))),
    )
    expect(story, state.name).toEqual(expected)
  }
})
