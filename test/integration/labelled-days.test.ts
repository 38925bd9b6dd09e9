import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import type { EventLabel } from '../../common/event-labels.js'
import type { Change, Message } from '../../controller/model/alert.js'
import { stretchesOf } from '../month/cadence.js'
import { isGood, scenarioLines, reportLines } from '../month/report.js'
import { run } from '../month/run.js'
import { firstDays, loadScenario } from '../month/scenario.js'
import { faultsOf, Judge, type Outcome } from '../month/score.js'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

it('two days of the elab: each event that somebody must act on is told, and next to nothing else', async () => {
  const scenario = loadScenario('test/month/elab-days.yaml')
  const result = await run(scenario, { seed: 1, worldStepMs: 4000, quietMs: 15 * minute, closeMs: 15_000 })
  const lines = reportLines(result, scenario.startMs, scenario.fleet.utcOffsetHours).join('\n')
  expect(isGood(result), lines).toBe(true)
  expect(result.score.outcomes.flatMap(faultsOf), lines).toEqual([])
  expect(result.score.others.length, lines).toBeLessThanOrEqual(1)
  // What plain thresholds tell beside it.
  expect(result.threshold.others, lines).toBeGreaterThan(result.score.others.length)
}, 240_000)

describe('the month', () => {
  const scenario = loadScenario('test/month/elab-month.yaml')

  it('says beforehand what somebody must act on, for whoever asks', () => {
    const lines = scenarioLines(scenario)
    expect(lines).toHaveLength(scenario.labels.length + 2)
    expect(lines[2]).toMatch(
      /^ {2}day {2}5 14:00:00 {2}within 1m .*vm-hammers-array vm:kure .*names kure, .*: {2}a personal VM fills/,
    )
  })

  it('labels what happens to it, within its days', () => {
    const endMs = scenario.startMs + scenario.days * day
    expect(scenario.days).toBe(30)
    expect(scenario.labels.length).toBeGreaterThanOrEqual(8)
    for (const { fromMs, untilMs, why } of scenario.labels) {
      expect([why, fromMs < untilMs, fromMs >= scenario.startMs, untilMs <= endMs]).toEqual([why, true, true, true])
    }
    const causes = new Set([
      scenario.startMs,
      ...scenario.fleet.timeline.map(({ atMs }) => scenario.startMs + atMs),
      ...scenario.away.map(({ fromMs }) => fromMs),
      ...scenario.disk.map(({ atMs }) => atMs),
      ...scenario.certificates.map(({ endsMs }) => endsMs - 14 * day),
    ])
    for (const { fromMs, why } of scenario.labels) expect([why, causes.has(fromMs)]).toEqual([why, true])
  })

  it('is looked at without a break, closely near what happens', () => {
    const stretches = stretchesOf(scenario, { quietMs: minute, closeMs: 10_000 })
    expect(stretches[0]?.fromMs).toBe(scenario.startMs)
    expect(stretches.at(-1)?.toMs).toBe(scenario.startMs + scenario.days * day)
    for (const [index, { fromMs, toMs, stepMs }] of stretches.entries()) {
      expect((toMs - fromMs) % stepMs).toBe(0)
      expect(stretches[index + 1]?.fromMs ?? toMs).toBe(toMs)
    }
    for (const { fromMs } of scenario.labels) {
      expect(stretches.find((one) => one.fromMs <= fromMs && fromMs < one.toMs)?.stepMs).toBe(10_000)
    }
  })
})

const change = (number: number, firedAt: number, check: string, what: Change['what'] = 'fired'): Change => ({
  what,
  atMs: firedAt * minute,
  alert: {
    number,
    check,
    subject: { kind: 'vm', id: '1', name: 'kure' },
    part: '',
    severity: 'warning',
    message: '',
    facts: { owners: [] },
    firedAtMs: firedAt * minute,
    flapping: false,
    evidence: [],
    related: [],
  },
})
const message = (at: number, ...changes: Change[]): Message => ({
  id: `m${at}`,
  lane: '',
  target: '',
  route: '',
  group: {},
  recipients: [],
  thread: '',
  atMs: at * minute,
  changes,
  leftOut: 0,
  firing: 0,
})
const slowMessage = (at: number, number: number, what: Change['what']): Message =>
  message(at, change(number, 1, 'slow', what))

describe('the judge', () => {
  const label = (
    from: number,
    until: number,
    check: string,
    subject: string,
    also: EventLabel['also'] = [],
  ): EventLabel => ({
    fromMs: from * minute,
    untilMs: until * minute,
    overMs: until * minute,
    withinMs: 3 * minute,
    names: ['kure'],
    main: { check, subject },
    why: '',
    also,
  })
  const labels = [label(0, 10, 'slow', 'vm:kure'), label(5, 20, 'full', 'vm:k*', [{ check: 'slow', subject: 'vm:*' }])]

  it.each<[string, Message[], (number | undefined)[], number[]]>([
    ['nothing told', [], [undefined, undefined], [0]],
    [
      'told, with its end after the label',
      [message(3, change(1, 2, 'slow')), message(30, change(1, 2, 'slow', 'resolved'))],
      [3, undefined],
      [0],
    ],
    ['an alert belongs to the label whose main matter it is', [message(7, change(1, 6, 'slow'))], [7, undefined], [0]],
    ['what a label allows is not what it asks for', [message(15, change(1, 15, 'slow'))], [undefined, undefined], [0]],
    [
      'too early, too late and about something else',
      [message(4, change(1, 4, 'full')), message(21, change(2, 21, 'slow')), message(9, change(3, 9, 'odd'))],
      [undefined, undefined],
      [3],
    ],
    [
      'one foreign change makes a message other',
      [message(8, change(1, 8, 'slow'), change(2, 8, 'odd'))],
      [8, undefined],
      [1],
    ],
    [
      'the end of what was other is other too',
      [message(1, change(1, 1, 'odd')), message(9, change(1, 1, 'odd', 'resolved'))],
      [undefined, undefined],
      [2],
    ],
    ['a reminder is no news', [message(8, change(1, 8, 'full', 'reminder'))], [undefined, undefined], [0]],
  ])('%s', (_what, messages, toldAfter, others) => {
    const judge = new Judge(labels)
    for (const one of messages) judge.hear(one)
    const { outcomes, othersByWeek } = judge.score(0, 7)
    expect(outcomes.map(({ toldAfterMs }) => toldAfterMs)).toEqual(
      toldAfter.map((at, index) => (at === undefined ? undefined : at * minute - (labels[index]?.fromMs ?? 0))),
    )
    expect(othersByWeek).toEqual(others)
  })
})

describe('the judge of ends', () => {
  const matter: EventLabel = {
    fromMs: 0,
    untilMs: 20 * minute,
    overMs: 15 * minute,
    withinMs: minute,
    names: [],
    main: { check: 'slow', subject: 'vm:kure' },
    why: '',
    also: [],
  }
  const told = (at: number, number: number, what: Change['what']): Message => slowMessage(at, number, what)

  it.each<[string, Message[], boolean]>([
    ['over when it is over', [told(1, 1, 'fired'), told(16, 1, 'resolved')], false],
    [
      'too early, and back',
      [told(1, 1, 'fired'), told(9, 1, 'resolved'), told(12, 2, 'fired'), told(16, 2, 'resolved')],
      true,
    ],
    [
      'one of two, while the other goes on',
      [told(1, 1, 'fired'), told(2, 2, 'fired'), told(9, 1, 'resolved'), told(16, 2, 'resolved')],
      false,
    ],
  ])('%s', (_what, messages, expected) => {
    const judge = new Judge([matter])
    for (const one of messages) judge.hear(one)
    const [outcome] = judge.score(0, 7).outcomes
    expect(outcome?.endedEarly).toBe(expected)
    expect(outcome?.resolvedAfterMs).toBe(minute)
  })

  it('what is still open at the end of a shorter scenario is asked for by nobody, and is nothing else', () => {
    const whole = loadScenario('test/month/elab-month.yaml')
    const short = firstDays(whole, 16)
    expect(short.open.map(({ main }) => main.check)).toEqual(['file-system-space'])
    expect(short.labels.length + short.open.length).toBeLessThan(whole.labels.length)
    const judge = new Judge([], [matter])
    judge.hear(told(1, 1, 'fired'))
    expect(judge.score(0, 7)).toMatchObject({ outcomes: [], othersByWeek: [0], messages: 1 })
  })
})

describe('an operator complains', () => {
  const label: EventLabel = {
    fromMs: 0,
    untilMs: 10 * minute,
    overMs: 10 * minute,
    withinMs: 2 * minute,
    names: ['kure', 'xenhv04'],
    main: { check: 'slow', subject: 'vm:kure' },
    why: '',
    also: [],
  }
  const good: Outcome = {
    label,
    toldAfterMs: minute,
    named: new Set(['kure', 'xenhv04', 'mail']),
    resolvedAfterMs: 20_000,
    endedEarly: false,
    messages: 2,
  }
  it.each<[string, Partial<Outcome>, string[]]>([
    ['not of what is told in time, by name, with its end', {}, []],
    ['of silence', { toldAfterMs: undefined, named: new Set() }, ['nobody was told']],
    ['of news that are late', { toldAfterMs: 2 * minute + 1 }, ['told later than 2m']],
    ['of names that are missing', { named: new Set(['kure']) }, ['not named: xenhv04']],
    ['of an end that nobody tells', { resolvedAfterMs: undefined }, ['nobody was told of its end']],
    ['of an end that is none', { endedEarly: true }, ['its end was told too early']],
    ['of no end where there is none', { label: { ...label, overMs: undefined }, resolvedAfterMs: undefined }, []],
  ])('%s', (_what, change, expected) => {
    expect(faultsOf({ ...good, ...change })).toEqual(expected)
  })
})

it('a bad scenario is refused, with the reason', () => {
  const directory = mkdtempSync(join(tmpdir(), 'headroom-month-'))
  const text = readFileSync('test/month/elab-days.yaml', 'utf8')
  const refusal = (from: string, to: string): string => {
    const path = join(directory, 'bad.yaml')
    writeFileSync(path, text.replace(from, to))
    try {
      loadScenario(path)
      return ''
    } catch (error) {
      return String(error)
    }
  }
  expect(refusal('day 1 10:00,', 'day 0 10:00,')).toContain('timeline.0.at: expected a moment such as "day 5 14:30"')
  expect(refusal('vm: kure', 'vm: nobody')).toContain('timeline.0.vm: expected the name of a VM in this file')
  expect(refusal('days: 2', 'weeks: 2')).toContain('weeks: expected a known key')
  rmSync(directory, { recursive: true })
})
