import fc from 'fast-check'
import { expect, test } from 'vitest'

import { beganAtMs, plainSettings, restarted, saidOf, wordsOf } from '../../test/support/alerts/timeline.js'
import type { AlertSettings } from './settings.js'
import { emptyAlertState, step, type AlertState, type Step } from './step.js'

/** One step: what is said, how long after the one before, and what the wall clock does meanwhile. */
interface Moment {
  readonly words: readonly string[]
  readonly elapsedMs: number
  readonly wallMs: number
}

const signs = fc.constantFrom('', '~', '?', '-')
const subjects = ['x@h1', 'y@h1', 'z', 'h1', 'a1>z']
const words = fc.uniqueArray(
  fc.tuple(signs, fc.constantFrom(...subjects), fc.boolean()).map(([sign, subject, critical]) => {
    const [, id = '', rest = ''] = /^(\w+)(.*)$/.exec(subject) ?? []
    return `${sign}${id}${critical ? '!' : ''}${rest}`
  }),
  { maxLength: 7 },
)
const moment = fc.record<Moment>({
  words,
  elapsedMs: fc.integer({ min: 0, max: 4000 }),
  wallMs: fc.oneof({ weight: 5, arbitrary: fc.constant(1000) }, fc.integer({ min: -1e9, max: 1e9 })),
})
const story = fc.array(moment, { minLength: 1, maxLength: 40 })

const [all] = plainSettings.routes
const settings = fc
  .record({
    raiseAfterMs: fc.integer({ min: 0, max: 6000 }),
    clearAfterMs: fc.integer({ min: 0, max: 6000 }),
    groupWaitMs: fc.integer({ min: 0, max: 3000 }),
    groupIntervalMs: fc.integer({ min: 0, max: 5000 }),
    repeatMs: fc.integer({ min: 5000, max: 60_000 }),
    groupBy: fc.constantFrom([], ['subject'] as const, ['check', 'severity'] as const),
    firings: fc.integer({ min: 2, max: 4 }),
    alerts: fc.integer({ min: 1, max: 10 }),
  })
  .map(({ raiseAfterMs, clearAfterMs, firings, alerts, ...route }): AlertSettings => ({
    ...plainSettings,
    defaultHold: { raiseAfterMs, clearAfterMs },
    flapping: { firings, windowMs: 30_000, quietMs: 10_000 },
    routes: all === undefined ? [] : [{ ...all, ...route }],
    bounds: { ...plainSettings.bounds, alerts },
  }))

interface Run {
  readonly steps: readonly Step[]
  readonly state: AlertState
}

/** After the story comes an hour in which everything can be seen and nothing is said. */
const silence: readonly Moment[] = Array.from({ length: 12 }, () => ({
  words: [],
  elapsedMs: 300_000,
  wallMs: 300_000,
}))

function run(
  moments: readonly Moment[],
  rules: AlertSettings,
  between: (state: AlertState, index: number) => AlertState = (state) => state,
  arranged: <T>(all: readonly T[]) => readonly T[] = (all) => all,
): Run {
  let state = emptyAlertState('t')
  let atMs = beganAtMs
  const steps = moments.map(({ words, elapsedMs, wallMs }, index) => {
    atMs += wallMs
    const { findings, world } = saidOf(words.join(' '))
    const done = step(between(state, index), arranged(findings), world, rules, { atMs, elapsedMs })
    state = done.state
    return done
  })
  return { steps, state }
}

const said = ({ steps }: Run): string[][] => steps.map((one) => wordsOf(one))

test('the order of findings decides nothing', () => {
  fc.assert(
    fc.property(story, settings, (moments, rules) => {
      const there = run(moments, rules)
      const back = run(moments, rules, undefined, (findings) => findings.toReversed())
      expect(said(back)).toEqual(said(there))
      expect([...back.state.alerts.keys()].sort()).toEqual([...there.state.alerts.keys()].sort())
    }),
  )
})

test('restarts at any point are as none', () => {
  fc.assert(
    fc.property(story, settings, fc.array(fc.boolean(), { minLength: 100, maxLength: 100 }), (moments, rules, cuts) => {
      const long = [...moments, ...silence]
      const whole = run(long, rules)
      const cut = run(long, rules, (state, index) => (cuts[index] === true ? restarted(state) : state))
      expect(said(cut)).toEqual(said(whole))
    }),
  )
})

test('no alert is told to fire twice, and each that was is told to be over, once', () => {
  fc.assert(
    fc.property(story, settings, (moments, rules) => {
      const { steps, state } = run([...moments, ...silence], rules)
      const changes = steps.flatMap(({ messages }) => messages).flatMap((message) => message.changes)
      const numbersOf = (what: string): number[] => changes.filter((c) => c.what === what).map((c) => c.alert.number)
      const fired = numbersOf('fired')
      expect(new Set(fired).size).toBe(fired.length)
      expect(numbersOf('resolved').toSorted(byNumber)).toEqual(fired.toSorted(byNumber))
      expect(state.alerts.size).toBe(0)
      expect(new Set(steps.flatMap(({ messages }) => messages.map(({ id }) => id))).size).toBe(
        steps.reduce((sum, { messages }) => sum + messages.length, 0),
      )
    }),
  )
})

test('what still fires in the end, and nothing keeps quiet, was told', () => {
  fc.assert(
    fc.property(story, settings, (moments, rules) => {
      const last: Moment = { words: ['x', 'z!'], elapsedMs: 10_000, wallMs: 10_000 }
      const { steps, state } = run([...moments, ...Array.from({ length: 100 }, () => last)], {
        ...rules,
        bounds: plainSettings.bounds,
      })
      const told = steps
        .flatMap(({ messages }) => messages)
        .flatMap(({ changes }) => changes.map(({ alert }) => alert.number))
      const numbers = ['x', 'z'].map(
        (id) => [...state.alerts.values()].find(({ finding }) => finding.subject.id === id)?.number,
      )
      for (const number of numbers) expect(told).toContain(number)
    }),
  )
})

test('into how many steps a quiet time is split decides nothing but the moments', () => {
  const split = fc.array(
    fc.record({ words, parts: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }) }),
    {
      maxLength: 12,
    },
  )
  fc.assert(
    fc.property(split, settings, (pieces, rules) => {
      // Every piece lasts longer than any time of the settings, told group by group at once, so that each of both ways has seen it through.
      const steady = {
        ...rules,
        flapping: { ...rules.flapping, firings: 1000 },
        bounds: plainSettings.bounds,
        routes: rules.routes.map((route) => ({
          ...route,
          groupBy: ['subject' as const],
          groupWaitMs: 0,
          groupIntervalMs: 0,
          repeatMs: 1e12,
        })),
      }
      const lasting = 30_000
      const at = (words: readonly string[], elapsedMs: number): Moment => ({ words, elapsedMs, wallMs: elapsedMs })
      const coarse = pieces.flatMap(({ words }) => [at(words, 1000), at(words, lasting / 2), at(words, lasting / 2)])
      const fine = pieces.flatMap(({ words, parts }) => {
        const sum = parts.reduce((a, b) => a + b, 0)
        return [at(words, 1000), ...[0, 1].flatMap(() => parts.map((part) => at(words, ((lasting / 2) * part) / sum)))]
      })
      const outcome = (moments: readonly Moment[]): unknown => {
        const { steps, state } = run([...moments, ...silence], steady)
        const numbers = steps.flatMap(({ transitions }) =>
          transitions.map(({ what, subject, severity }) => `${what} ${subject.id} ${severity}`),
        )
        return { numbers: numbers.toSorted(), left: [...state.alerts.keys()] }
      }
      expect(outcome(fine)).toEqual(outcome(coarse))
    }),
  )
})

test('fires exactly when it was raised without a break for as long as it has to be', () => {
  const raised = fc.array(fc.record({ raised: fc.boolean(), elapsedMs: fc.integer({ min: 0, max: 3000 }) }), {
    maxLength: 60,
  })
  fc.assert(
    fc.property(raised, fc.integer({ min: 0, max: 8000 }), (looks, raiseAfterMs) => {
      const rules = {
        ...plainSettings,
        defaultHold: { raiseAfterMs, clearAfterMs: 0 },
        flapping: { ...plainSettings.flapping, firings: 1000 },
      }
      const moments = looks.map(({ raised, elapsedMs }): Moment => ({
        words: raised ? ['x'] : [],
        elapsedMs,
        wallMs: -7,
      }))
      const firing = run(moments, rules).steps.map(({ state }) =>
        [...state.alerts.values()].some(({ phase }) => phase === 'firing'),
      )
      // By hand: the time since the first look of an unbroken row of raised ones.
      let heldMs: number | undefined
      const expected = looks.map(({ raised, elapsedMs }) => {
        heldMs = raised ? (heldMs === undefined ? 0 : heldMs + elapsedMs) : undefined
        return heldMs !== undefined && heldMs >= raiseAfterMs
      })
      expect(firing).toEqual(expected)
    }),
  )
})

test('there are never more alerts than there may be', () => {
  fc.assert(
    fc.property(story, settings, (moments, rules) => {
      for (const { state } of run(moments, rules).steps)
        expect(state.alerts.size).toBeLessThanOrEqual(rules.bounds.alerts)
    }),
  )
})

function byNumber(a: number, b: number): number {
  return a - b
}
