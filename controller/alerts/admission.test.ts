import { expect, test } from 'vitest'

import { saidOf, beganAtMs, plainSettings } from '../../test/support/alerts/timeline.js'
import { admitted, type Candidate } from './admission.js'
import { emptyAlertState, step } from './step.js'

const candidate = (key: string, severity: Candidate['severity'], sinceClockMs: number): Candidate => ({
  key,
  severity,
  sinceClockMs,
})

test('the more severe have a place, then the older, then the first by name', () => {
  const all = [
    candidate('d', 'warning', 5),
    candidate('a', 'warning', 9),
    candidate('b', 'critical', 9),
    candidate('c', 'warning', 9),
  ]
  for (const [places, keys] of [
    [0, []],
    [1, ['b']],
    [2, ['b', 'd']],
    [3, ['a', 'b', 'd']],
    [9, ['a', 'b', 'c', 'd']],
  ] as const) {
    expect([...admitted(all, places)].sort(), String(places)).toEqual(keys)
    expect([...admitted(all.toReversed(), places)].sort(), String(places)).toEqual(keys)
  }
})

test('what fires stays, what pends gives way to the more severe, and how much was refused is said', () => {
  const settings = {
    ...plainSettings,
    bounds: { ...plainSettings.bounds, alerts: 2 },
    checks: { 'host-silent': { raiseAfterMs: 0 } },
  }
  const look = (state: Parameters<typeof step>[0], words: string) => {
    const { findings, world } = saidOf(words)
    return step(state, findings, world, settings, { atMs: beganAtMs, elapsedMs: 1000 })
  }
  const first = look(emptyAlertState('t'), 'h1 x')
  expect(first.refused.alerts).toBe(0)
  const second = look(first.state, 'h1 x y!')
  expect([...second.state.alerts.values()].map(({ finding }) => finding.subject.id).sort()).toEqual(['h1', 'y'])
  expect(second.refused.alerts).toBe(1)
  const third = look(second.state, 'h1 h2! x y!')
  expect([...third.state.alerts.values()].map(({ finding }) => finding.subject.id).sort()).toEqual(['h1', 'y'])
  expect(third.refused.alerts).toBe(2)
})
