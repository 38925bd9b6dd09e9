import { describe, expect, it } from 'vitest'

import { localTime, minuteOf, notAllowed, weekdays, type AllowRule, type AllowWindow } from './allow-rules.js'

const night: AllowWindow = { days: ['fri'], fromMinute: 22 * 60, toMinute: 6 * 60 }
const rules: readonly AllowRule[] = [
  { verbs: ['start', 'shutdown'], vms: ['web-*', 'db'] },
  { verbs: ['destroy'], vms: ['*'], window: night },
]
const at = (day: (typeof weekdays)[number], clock: string): { weekday: number; minute: number } => ({
  weekday: weekdays.indexOf(day),
  minute: minuteOf(clock) ?? NaN,
})

describe('what an agent allows', () => {
  it.each([
    ['start', 'web-1', true],
    ['start', 'db', true],
    ['start', 'db2', false],
    ['start', 'Web-1', false],
    ['reset', 'web-1', false],
    ['toString', 'web-1', false],
    ['start', '', false],
  ])('%s of %s: %s', (verb, vm, allowed) => {
    expect(notAllowed(rules, verb, vm, at('mon', '12:00')) === undefined).toBe(allowed)
  })

  it.each([
    ['fri', '21:59', false],
    ['fri', '22:00', true],
    ['sat', '05:59', true],
    ['sat', '06:00', false],
    ['sat', '22:00', false],
    ['fri', '05:00', false],
  ] as const)('past midnight, on %s at %s: %s', (day, clock, allowed) => {
    expect(notAllowed(rules, 'destroy', 'x', at(day, clock)) === undefined).toBe(allowed)
  })

  it('takes equal times for the whole day', () => {
    const always = [{ verbs: ['start'], vms: ['*'], window: { days: ['mon'], fromMinute: 60, toMinute: 60 } }] as const
    expect(notAllowed(always, 'start', 'x', at('mon', '12:00'))).toBeUndefined()
    expect(notAllowed(always, 'start', 'x', at('tue', '00:30'))).toBeUndefined()
    expect(notAllowed(always, 'start', 'x', at('tue', '01:00'))).toMatch(/only on mon from 01:00 to 01:00/)
  })

  it('says the local time of another place', () => {
    expect(localTime(Date.UTC(2024, 0, 7, 23, 30), 60)).toEqual({ weekday: 1, minute: 30 })
    expect(localTime(Date.UTC(2024, 0, 7, 0, 30), -60)).toEqual({ weekday: 6, minute: 1410 })
  })
})
