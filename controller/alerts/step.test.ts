import { describe, expect, test } from 'vitest'

import { plainSettings, played, beganAtMs, type Timeline } from '../../test/support/alerts/timeline.js'
import { acknowledge, addSilence, endSilence } from './people.js'
import type { AlertState } from './step.js'

const ack = (number: number) => (state: AlertState, atMs: number) =>
  acknowledge(state, number, { author: 'ann', atMs, note: 'on it' })?.state
const silence = (subject: string, forSeconds: number) => (state: AlertState, atMs: number) =>
  addSilence(
    state,
    {
      id: 's1',
      match: { subject },
      createdAtMs: atMs,
      untilMs: atMs + forSeconds * 1000,
      author: 'ann',
      reason: 'work',
    },
    atMs,
    10,
  )
const [all] = plainSettings.routes
const route = (more: object) => ({ routes: all === undefined ? [] : [{ ...all, ...more }] })
const quick = { checks: { slow: { raiseAfterMs: 0, clearAfterMs: 0 } } }

const life: readonly Timeline[] = [
  {
    name: 'fires when it has held, and is resolved when it has been over for as long as it has to be',
    say: { 0: 'x', 100: '' },
    until: 200,
    expect: ['60 fired vm:x', '60 tell fired vm:x', '130 resolved vm:x', '130 tell resolved vm:x'],
  },
  {
    name: 'does not fire for what was over a second too early, and begins anew',
    say: { 0: 'x', 60: '', 61: 'x' },
    until: 130,
    expect: ['121 fired vm:x', '121 tell fired vm:x'],
  },
  {
    name: 'without hold times it follows the finding',
    settings: quick,
    say: { 0: 'x', 1: '', 2: 'x', 3: '' },
    until: 5,
    expect: [
      '0 fired',
      '0 tell fired',
      '1 resolved',
      '1 tell resolved',
      '2 fired',
      '2 tell fired',
      '3 resolved',
      '3 tell resolved',
    ].map((word) => `${word} vm:x`),
  },
  {
    name: 'what comes again before it was over for long enough stays one alert',
    say: { 0: 'x', 70: '', 99: 'x', 120: '' },
    until: 160,
    expect: ['60 fired vm:x', '60 tell fired vm:x', '150 resolved vm:x', '150 tell resolved vm:x'],
  },
  {
    name: 'what only keeps raises nothing',
    say: { 0: '~x' },
    until: 200,
    expect: [],
  },
  {
    name: 'what only keeps keeps an alert from ending, and clearing begins when it is over altogether',
    say: { 0: 'x', 70: '', 80: '~x', 200: '' },
    until: 250,
    expect: ['60 fired vm:x', '60 tell fired vm:x', '230 resolved vm:x', '230 tell resolved vm:x'],
  },
  {
    name: 'the time between the two limits does not count for a pending one, nor does it lose what has counted',
    say: { 0: 'x', 30: '~x', 50: 'x' },
    until: 100,
    expect: ['80 fired vm:x', '80 tell fired vm:x'],
  },
  {
    name: 'a pending one that stays between the limits for longer than it has to hold is over',
    say: { 0: 'x', 50: '~x', 112: 'x' },
    until: 180,
    expect: ['172 fired vm:x', '172 tell fired vm:x'],
  },
  {
    name: 'several findings of one key count as the most severe',
    settings: quick,
    say: { 0: 'x x! ~x', 1: 'x! x', 2: '~x x' },
    until: 2,
    expect: [
      '0 fired vm:x',
      '0 tell fired vm:x',
      '2 severity vm:x warning (was critical)',
      '2 tell severity vm:x critical to warning',
    ],
  },
  {
    name: 'findings below the least severity become no alerts, and end them',
    settings: { ...quick, leastSeverity: 'critical' },
    say: { 0: 'x', 1: 'x!', 2: 'x' },
    until: 3,
    expect: ['1 fired vm:x', '1 tell fired vm:x', '2 resolved vm:x', '2 tell resolved vm:x'],
  },
  {
    name: 'findings that sink below it are over where nobody could look too: it is said how it is',
    settings: { ...quick, leastSeverity: 'critical' },
    say: { 1: 'x!', 2: '?x', 4: 'x ?x' },
    until: 5,
    expect: ['1 fired vm:x', '1 tell fired vm:x', '4 resolved vm:x', '4 tell resolved vm:x'],
  },
  {
    name: 'the severity of the settings counts in place of the finding’s',
    settings: { checks: { slow: { raiseAfterMs: 0, clearAfterMs: 0, severity: 'info' } } },
    say: { 0: 'x!' },
    until: 3,
    expect: [],
  },
]

const severities: readonly Timeline[] = [
  {
    name: 'a higher severity has to hold before it counts; then it is told',
    say: { 0: 'x', 100: 'x!', 159: 'x', 170: 'x!' },
    until: 240,
    expect: [
      '60 fired vm:x',
      '60 tell fired vm:x',
      '230 severity vm:x critical (was warning)',
      '230 tell severity vm:x warning to critical',
    ],
  },
  {
    name: 'a lower severity has to hold as long as an end would',
    say: { 0: 'x!', 100: 'x', 120: 'x!', 140: 'x' },
    until: 200,
    expect: [
      '60 fired vm:x',
      '60 tell fired vm:x',
      '170 severity vm:x warning (was critical)',
      '170 tell severity vm:x critical to warning',
    ],
  },
  {
    name: 'worse is told to who has acknowledged it; better is not',
    say: { 0: 'x', 100: 'x!', 200: 'x' },
    act: { 70: ack(1) },
    until: 240,
    expect: [
      '60 fired vm:x',
      '60 tell fired vm:x',
      '160 severity vm:x critical (was warning)',
      '160 tell severity vm:x warning to critical',
      '230 severity vm:x warning (was critical)',
    ],
  },
]

const ignorance: readonly Timeline[] = [
  {
    name: 'an alert does not end because nobody can look',
    say: { 0: 'x', 70: '?x', 1000: '' },
    until: 1100,
    expect: ['60 fired vm:x', '60 tell fired vm:x', '1030 resolved vm:x', '1030 tell resolved vm:x'],
  },
  {
    name: 'clearing stands still while nobody can look',
    say: { 0: 'x', 70: '', 80: '?x', 200: '' },
    until: 300,
    expect: ['60 fired vm:x', '60 tell fired vm:x', '220 resolved vm:x', '220 tell resolved vm:x'],
  },
  {
    name: 'a pending one goes on where it stood when it can be seen again',
    say: { 0: 'x', 40: '?x', 300: 'x' },
    until: 400,
    expect: ['320 fired vm:x', '320 tell fired vm:x'],
  },
  {
    name: 'a pending one that was not seen for ten minutes begins anew',
    say: { 0: 'x', 40: '?x', 642: 'x' },
    until: 715,
    expect: ['702 fired vm:x', '702 tell fired vm:x'],
  },
  {
    name: 'what is gone ends, and that is said',
    say: { 0: 'x', 70: '-x' },
    until: 120,
    expect: [
      '60 fired vm:x',
      '60 tell fired vm:x',
      '100 resolved vm:x (its subject is gone)',
      '100 tell resolved vm:x',
    ],
  },
  {
    name: 'an alert that nobody was told of is not told while it is not seen',
    settings: route({ groupWaitMs: 20_000 }),
    say: { 0: 'x', 61: '?x', 100: 'x' },
    until: 130,
    expect: ['60 fired vm:x', '120 tell fired vm:x'],
  },
]

const excepted: readonly Timeline[] = [
  {
    name: 'what the policy excepts is over, also while nobody can look',
    say: { 0: 'x', 100: '?x', 200: '#x' },
    until: 260,
    expect: [
      '60 fired vm:x',
      '60 tell fired vm:x',
      '230 resolved vm:x (the policy excepts it)',
      '230 tell resolved vm:x',
    ],
  },
]

const quietly: readonly Timeline[] = [
  {
    name: 'a host that is down explains its VMs: they fire, and nobody is told',
    say: { 0: 'h1! x@h1 y', 100: '' },
    until: 140,
    expect: [
      '60 fired host:h1',
      '60 fired vm:x',
      '60 fired vm:y',
      '60 tell fired host:h1',
      '60 tell fired vm:y',
      '130 resolved host:h1',
      '130 resolved vm:x',
      '130 resolved vm:y',
      '130 tell resolved host:h1',
      '130 tell resolved vm:y',
    ],
  },
  {
    name: 'what is explained no longer, and is still so, is told then',
    say: { 0: 'h1 x@h1', 100: 'x@h1' },
    until: 140,
    expect: [
      '60 fired host:h1',
      '60 fired vm:x',
      '60 tell fired host:h1',
      '130 resolved host:h1',
      '130 tell resolved host:h1',
      '130 tell fired vm:x',
    ],
  },
  {
    name: 'what is over when its explanation ends is told to nobody',
    say: { 0: 'h1 x@h1', 100: '?x x@h1', 115: '' },
    until: 160,
    expect: [
      '60 fired host:h1',
      '60 fired vm:x',
      '60 tell fired host:h1',
      '130 resolved host:h1',
      '130 tell resolved host:h1',
      '145 resolved vm:x',
    ],
  },
  {
    name: 'an explanation that still pends holds back what it would explain',
    settings: { checks: { slow: { raiseAfterMs: 10_000 } } },
    say: { 0: 'h1 x@h1', 40: 'x@h1' },
    until: 50,
    expect: ['10 fired vm:x', '40 tell fired vm:x'],
  },
  {
    name: 'the end of what was told is told, though it is explained by then',
    settings: { checks: { slow: { raiseAfterMs: 0 } } },
    say: { 0: 'x@h1', 10: 'h1 x@h1', 80: 'h1' },
    until: 115,
    expect: [
      '0 fired vm:x',
      '0 tell fired vm:x',
      '70 fired host:h1',
      '70 tell fired host:h1',
      '110 resolved vm:x',
      '110 tell resolved vm:x',
    ],
  },
  {
    name: 'what explains its victims does not explain who else is in trouble',
    settings: {
      inhibitions: [{ name: 'v', source: { check: 'array-*' }, target: { check: '*' }, relation: 'victim' }],
    },
    say: { 0: 'a1>x x y' },
    until: 61,
    expect: ['60 fired array:a1', '60 fired vm:x', '60 fired vm:y', '60 tell fired array:a1', '60 tell fired vm:y'],
  },
  {
    name: 'alerts that explain each other in a circle are told',
    settings: {
      inhibitions: ['same', 'same'].map((relation) => ({
        name: 'circle',
        source: { check: '*' },
        target: { check: '*' },
        relation: relation === 'same' ? 'victim' : 'inside',
      })),
    },
    say: { 0: 'a1>a2 a2>a1' },
    until: 61,
    expect: ['60 fired array:a1', '60 fired array:a2', '60 tell fired array:a1', '60 tell fired array:a2'],
  },
  {
    name: 'nobody is told of what is silenced; when the silence ends it is told',
    say: { 0: 'x' },
    act: { 10: silence('vm:x', 90) },
    until: 120,
    expect: ['60 fired vm:x', '100 tell fired vm:x'],
  },
  {
    name: 'of what only happened nothing is told when its silence ends',
    settings: { events: new Set(['slow']) },
    say: { 0: 'x', 150: 'x y', 300: '' },
    act: { 10: silence('vm:x', 90) },
    until: 340,
    expect: [
      '60 fired vm:x',
      '210 fired vm:y',
      '210 tell fired vm:y',
      '330 resolved vm:x',
      '330 resolved vm:y',
      '330 tell resolved vm:y',
    ],
  },
  {
    name: 'of what happened under a silence of the policy nothing is told after a restart either, nor under another silence',
    settings: { events: new Set(['slow']) },
    say: { 0: 'x', 300: '' },
    act: { 10: silence('vm:x', 90), 150: silence('vm:*', 30) },
    until: 340,
    expect: ['60 fired vm:x', '330 resolved vm:x'],
  },
  {
    name: 'a silence that is ended early ends at once',
    say: { 0: 'x' },
    act: { 10: silence('vm:*', 90), 80: (state, atMs) => endSilence(state, 's1', atMs) },
    until: 120,
    expect: ['60 fired vm:x', '80 tell fired vm:x'],
  },
  {
    name: 'silences of what fires are in the history: from when it fires, until they end or are ended',
    say: { 0: 'x y' },
    act: { 10: silence('vm:x', 90), 150: silence('vm:*', 90), 180: (state, atMs) => endSilence(state, 's1', atMs) },
    restartAt: [90, 170],
    tellsSilences: true,
    until: 200,
    expect: [
      '60 fired vm:x',
      '60 fired vm:y',
      '60 silenced vm:x (until 2026-01-05T00:01:40Z: work)',
      '60 tell fired vm:y',
      '100 heard vm:x',
      '100 tell fired vm:x',
      '150 silenced vm:x (until 2026-01-05T00:04:00Z: work)',
      '150 silenced vm:y (until 2026-01-05T00:04:00Z: work)',
      '180 heard vm:x',
      '180 heard vm:y',
    ],
  },
  {
    name: 'the end of what was told is told under a silence too',
    say: { 0: 'x', 80: '' },
    act: { 70: silence('vm:x', 600) },
    until: 120,
    expect: ['60 fired vm:x', '60 tell fired vm:x', '110 resolved vm:x', '110 tell resolved vm:x'],
  },
  {
    name: 'a silence of the policy works as one that people made',
    settings: { silences: [{ match: { check: 'sl*' }, untilMs: beganAtMs + 90_000, author: 'file', reason: 'move' }] },
    say: { 0: 'x' },
    until: 120,
    expect: ['60 fired vm:x', '90 tell fired vm:x'],
  },
  {
    name: 'what is acknowledged is not repeated; its end is told, and ends the acknowledgement',
    settings: { ...route({ repeatMs: 50_000 }), checks: { slow: { raiseAfterMs: 0 } } },
    say: { 0: 'x', 200: '', 240: 'x' },
    act: { 60: ack(1) },
    until: 300,
    expect: [
      '0 fired vm:x',
      '0 tell fired vm:x',
      '50 tell reminder vm:x',
      '230 resolved vm:x',
      '230 tell resolved vm:x',
      '240 fired vm:x',
      '240 tell fired vm:x',
      '290 tell reminder vm:x',
    ],
  },
]

const grouped: readonly Timeline[] = [
  {
    name: 'a group waits for others, and is told once',
    settings: route({ groupBy: ['check'], groupWaitMs: 5000, groupIntervalMs: 30_000 }),
    say: { 0: 'x', 2: 'x y', 4: 'x y z' },
    until: 100,
    expect: ['60 fired vm:x', '62 fired vm:y', '64 fired vm:z', '65 tell fired vm:x, fired vm:y, fired vm:z'],
  },
  {
    name: 'a message tells what stands worst first, also of what was told before, and what is over last',
    settings: { ...quick, ...route({ groupBy: ['check'] }) },
    say: { 0: 'x y', 1: 'x! z' },
    until: 1,
    expect: [
      '0 fired vm:x',
      '0 fired vm:y',
      '0 tell fired vm:x, fired vm:y',
      '1 severity vm:x critical (was warning)',
      '1 resolved vm:y',
      '1 fired vm:z',
      '1 tell severity vm:x warning to critical, fired vm:z, resolved vm:y',
    ],
  },
  {
    name: 'what comes and goes while a group waits is told to nobody',
    settings: { ...quick, ...route({ groupWaitMs: 5000 }) },
    say: { 0: 'x', 4: '' },
    until: 20,
    expect: ['0 fired vm:x', '4 resolved vm:x'],
  },
  {
    name: 'messages in quick succession come ever more slowly, and after a quiet time at once',
    settings: { ...quick, ...route({ groupBy: ['check'], groupIntervalMs: 10_000 }) },
    say: { 0: 'x', 1: 'x y', 11: 'x y z', 32: 'x y', 200: 'x' },
    until: 220,
    expect: [
      '0 fired vm:x',
      '0 tell fired vm:x',
      '1 fired vm:y',
      '10 tell fired vm:y',
      '11 fired vm:z',
      '30 tell fired vm:z',
      '32 resolved vm:z',
      '70 tell resolved vm:z',
      '200 resolved vm:y',
      '200 tell resolved vm:y',
    ],
  },
  {
    name: 'nothing is told of what no route matches',
    settings: route({ match: { severity: ['critical'] } }),
    say: { 0: 'x y!' },
    until: 70,
    expect: ['60 fired vm:x', '60 fired vm:y', '60 tell fired vm:y'],
  },
  {
    name: 'no more groups are told than there may be',
    settings: { ...quick, bounds: { ...plainSettings.bounds, groups: 1 } },
    say: { 0: 'x y', 3: 'y' },
    until: 6,
    expect: [
      '0 fired vm:x',
      '0 fired vm:y',
      '0 tell fired vm:x',
      '3 resolved vm:x',
      '3 tell resolved vm:x',
      '4 tell fired vm:y',
    ],
  },
]

const flapping: readonly Timeline[] = [
  {
    name: 'what fires for the third time within the hour stays until it has been over for long: one message in place of many',
    settings: { ...quick, flapping: { firings: 3, windowMs: 3_600_000, quietMs: 60_000 } },
    say: { 0: 'x', 5: '', 10: 'x', 15: '', 20: 'x', 25: '', 30: 'x', 35: '', 40: 'x', 45: '' },
    until: 200,
    expect: [
      '0 fired vm:x',
      '0 tell fired vm:x',
      '5 resolved vm:x',
      '5 tell resolved vm:x',
      '10 fired vm:x',
      '10 tell fired vm:x',
      '15 resolved vm:x',
      '15 tell resolved vm:x',
      '20 fired vm:x (flapping: fired 3 times of late)',
      '20 tell fired vm:x',
      '105 resolved vm:x',
      '105 tell resolved vm:x',
    ],
  },
  {
    name: 'what fires rarely does not flap',
    settings: { ...quick, flapping: { firings: 2, windowMs: 60_000, quietMs: 60_000 } },
    say: { 0: 'x', 5: '', 61: 'x', 65: '' },
    until: 70,
    expect: [
      '0 fired vm:x',
      '0 tell fired vm:x',
      '5 resolved vm:x',
      '5 tell resolved vm:x',
      '61 fired vm:x',
      '61 tell fired vm:x',
      '65 resolved vm:x',
      '65 tell resolved vm:x',
    ],
  },
]

const once = ['60 fired vm:x', '60 tell fired vm:x', '130 resolved vm:x', '130 tell resolved vm:x']
const clocks: readonly Timeline[] = [
  ...[-86_400, 3600, 10 * 365 * 86_400].flatMap((off): Timeline[] =>
    [30, 65, 110, 131].map((second) => ({
      name: `the wall clock steps by ${off} s at ${second} s: hold times are honoured, nothing is told twice or lost`,
      say: { 0: 'x', 100: '' },
      wallOffBy: { [second]: off, [second + 10]: 0 },
      until: 200,
      expect: once,
    })),
  ),
  {
    name: 'restarts in every state change nothing',
    say: { 0: 'x', 100: '' },
    restartAt: Array.from({ length: 200 }, (_, second) => second),
    until: 200,
    expect: once,
  },
  {
    name: 'the time in which the controller was down neither counts nor is what counted before lost',
    say: { 0: 'x', 400: '' },
    // 40 s watched, 100 s down: the first step after a start has watched nothing, so that a second more is needed.
    down: { 40: 100, 410: 50 },
    until: 600,
    expect: ['161 fired vm:x', '161 tell fired vm:x', '481 resolved vm:x', '481 tell resolved vm:x'],
  },
]

describe.each([
  ['life', life],
  ['severity', severities],
  ['ignorance', ignorance],
  ['exceptions', excepted],
  ['quiet', quietly],
  ['groups', grouped],
  ['flapping', flapping],
  ['clocks and restarts', clocks],
])('%s', (_name, timelines) => {
  test.each(timelines.map((timeline) => [timeline.name, timeline] as const))('%s', (_title, timeline) => {
    expect(played(timeline)).toEqual(timeline.expect)
  })
})

test('a silence is named only while it is in force; that something happened under it is remembered', () => {
  const seen: string[] = []
  const look = (state: AlertState): AlertState => {
    const [alert] = state.alerts.values()
    seen.push(`${alert?.silencedBy ?? 'none'} ${alert?.wasSilenced ?? false}`)
    return state
  }
  const act = { 10: silence('vm:x', 90), 70: look, 120: look, 150: silence('vm:x', 30), 160: look, 200: look }
  const story = { name: '', say: { 0: 'x' }, act, until: 200, expect: [] }
  played({ ...story, settings: { events: new Set(['slow']) }, restartAt: [130] })
  expect(seen.splice(0)).toEqual(['s1 false', 'none true', 's1 false', 'none true'])
  played(story)
  expect(seen).toEqual(['s1 false', 'none false', 's1 false', 'none false'])
})
