import { expect, test } from 'vitest'

import { plainSettings } from '../../test/support/alerts/timeline.js'
import type { Alert, SubjectFacts } from '../model/alert.js'
import { finding, type Severity } from '../model/finding.js'
import { dispatch, firingOf, type DispatchState } from './dispatch.js'
import type { Route } from './settings.js'

const mails: Route = {
  ...plainSettings.routes[0],
  name: 'mails',
  match: {},
  to: [{ kind: 'email', to: ['ops@x.org', '{owner}@x.org'] }],
  groupBy: ['severity', 'host'],
  groupWaitMs: 0,
  groupIntervalMs: 0,
  repeatMs: 3_600_000,
}
const hook: Route = { ...mails, name: 'hook', to: [{ kind: 'webhook', url: 'http://127.0.0.1/', secretFile: 's' }] }

interface Moment {
  readonly owners: readonly string[]
  readonly groups?: readonly string[]
  readonly host?: string
  readonly severity?: Severity
  readonly grade?: number
  readonly isAcknowledged?: boolean
  readonly isOver?: boolean
}

function alertOf({ owners, groups, host = 'h1', severity = 'warning', grade, isAcknowledged }: Moment): Alert {
  const facts: SubjectFacts = { owners, host, groups }
  return {
    key: 'k',
    number: 7,
    phase: 'firing',
    finding: finding({ check: 'slow', severity, grade, subject: { kind: 'array', id: 'a', name: 'a' }, message: '' }),
    severity,
    facts,
    sighting: 'raised',
    startedAtMs: 0,
    firedAtMs: 0,
    flapping: false,
    ...(isAcknowledged === true && { acknowledged: { author: 'x', atMs: 0, note: '' } }),
  }
}

/** `fired 7 to a@x.org, ops@x.org`, in order. */
function told(route: Route, moments: readonly Moment[]): string[] {
  let state: DispatchState = { groups: new Map(), nextMessage: 1 }
  return moments.flatMap((moment, second) => {
    const alerts = new Map(moment.isOver === true ? [] : [['k', alertOf(moment)] as const])
    const at = { clockMs: second * 1000, atMs: second * 1000 }
    const done = dispatch(state, alerts, { settings: { ...plainSettings, routes: [route] }, startId: 'i', ...at })
    state = done.state
    return done.messages.flatMap(({ changes, recipients }) =>
      changes.map(({ what, alert }) => `${second} ${what} ${alert.number} to ${recipients.join(', ')}`.trim()),
    )
  })
}

test('further owners are told of an alert, and nobody is told of it twice', () => {
  const moments = [{ owners: ['a'] }, { owners: ['a', 'c'] }, { owners: ['c'] }, { owners: ['c'], isOver: true }]
  expect(told(mails, moments)).toEqual([
    '0 fired 7 to a@x.org, ops@x.org',
    '1 fired 7 to c@x.org',
    '3 resolved 7 to a@x.org, ops@x.org',
    '3 resolved 7 to c@x.org',
  ])
})

test('a route of a group is told of what its VMs cause or wait for', () => {
  const route: Route = { ...hook, match: { group: 'core' } }
  const of = (groups: readonly string[]): Moment => ({ owners: [], groups })
  expect(told(route, [of([]), of(['people'])])).toEqual([])
  expect(told(route, [of(['core', 'people'])])).toEqual(['0 fired 7 to'])
})

test.each([
  ['a move to another host', { owners: ['a'], host: 'h2' }, []],
  ['another severity', { owners: ['a'], severity: 'critical' }, ['1 severity 7']],
] as const)('%s is no other alert for whoever was told of it', (_, then, expected) => {
  const to = (recipients: string) => (words: string) => `${words} to${recipients}`
  const moments = [{ owners: ['a'] }, then, { ...then, isOver: true }]
  const story = ['0 fired 7', ...expected, '2 resolved 7']
  expect(told(hook, moments)).toEqual(story.map(to('')))
  expect(told(mails, moments)).toEqual(story.map(to(' a@x.org, ops@x.org')))
})

test('what gets graver at the same severity is told once, to whoever has acknowledged it too, and not that it is less grave', () => {
  const [plain, grave] = [
    { owners: ['a'], isAcknowledged: true },
    { owners: ['a'], isAcknowledged: true, grade: 1 },
  ]
  const moments = [{ owners: ['a'] }, plain, grave, grave, plain, grave, { ...grave, isOver: true }]
  expect(told(hook, moments)).toEqual(['0 fired 7 to', '2 worse 7 to', '6 resolved 7 to'])
})

test('what fires is told again in the words of now, as severe and by the name as it was told', () => {
  const route: Route = { ...hook, name: 'am', to: [{ kind: 'alertmanager', url: 'http://am/', resendMs: 60_000 }] }
  const context = { settings: { ...plainSettings, routes: [route] }, startId: 'i', clockMs: 0, atMs: 0 }
  const alert = alertOf({ owners: ['a'] })
  const { state, messages } = dispatch({ groups: new Map(), nextMessage: 1 }, new Map([['k', alert]]), context)
  const renamed = { ...alert.finding.subject, name: 'b' }
  const now = {
    ...alert,
    severity: 'critical' as const,
    finding: { ...alert.finding, message: 'it stands still', subject: renamed },
  }
  const lane = messages[0]?.lane ?? ''
  const inShort = (alerts: ReadonlyMap<string, Alert>) =>
    firingOf(state, alerts, lane).map(
      ({ number, severity, subject, message }) => `${number} ${severity} ${subject.name} ${message}`,
    )
  expect(inShort(new Map([['k', now]]))).toEqual(['7 warning a it stands still'])
  expect(inShort(new Map())).toEqual(['7 warning a '])
  expect(firingOf(state, new Map(), 'another')).toEqual([])
})
