import { describe, expect, it } from 'vitest'

import { inBars, together, trial } from '../../../test/forecast/trial.js'
import { dailyHistory } from './daily-history.js'
import { exhaustion } from './exhaustion.js'
import { forecast } from './forecast.js'
import type { History } from './history.js'

const dayMs = 86_400_000

function daily(values: readonly (number | undefined)[]): History {
  return { startAt: 0, stepMs: dayMs, seasonSteps: 7, values }
}

function told(values: readonly (number | undefined)[], horizonSteps: number) {
  const result = forecast(daily(values), horizonSteps)
  if ('refused' in result) throw new Error(`refused: ${result.knownSteps} of ${result.neededSteps}`)
  return result
}

const days = (count: number, value: (day: number) => number | undefined) =>
  Array.from({ length: count }, (_, day) => value(day))

describe('forecast', () => {
  it('goes on with a line and a week, exactly where there is no noise', () => {
    const law = (day: number) => 100 + 0.5 * day + (day % 7 >= 5 ? -20 : 0)
    const { p50, p10, p90 } = told(days(84, law), 60)
    for (const [at, value] of p50.entries()) {
      expect(value).toBeCloseTo(law(84 + at), 1)
      expect(p10[at]).toBeLessThanOrEqual(value)
      expect(p90[at]).toBeGreaterThanOrEqual(value)
    }
  })

  it('stays where nothing ever changed', () => {
    const { p50, p90 } = told(
      days(60, () => 7),
      30,
    )
    expect(new Set([...p50, ...p90].map((value) => value.toFixed(6)))).toEqual(new Set(['7.000000']))
  })

  it('takes a jump for a jump, not for a trend', () => {
    const { p50, shifts } = told(
      days(90, (day) => (day < 50 ? 100 : 140) + ((day * 7919) % 5)),
      60,
    )
    expect(shifts).toEqual([{ step: expect.closeTo(50, -0.5), size: expect.closeTo(40, -1) }])
    for (const value of p50) expect(Math.abs(value - 142)).toBeLessThan(5)
  })

  it('does not follow one day in twenty that is wild', () => {
    const { p50 } = told(
      days(100, (day) => (day % 20 === 13 ? 900 : 50 + (day % 3))),
      30,
    )
    for (const value of p50) expect(Math.abs(value - 51)).toBeLessThan(8)
  })

  it.each([
    ['nothing', 0],
    ['three weeks', 21],
    ['a day less than four weeks', 27],
  ])('refuses %s, and says what it needs', (_, count) => {
    expect(forecast(daily(days(count, () => 1)), 30)).toEqual({
      refused: 'too-little-history',
      knownSteps: count,
      neededSteps: 28,
    })
  })

  it('counts what is known, not the days that went by', () => {
    const weekly = days(90, (day) => (day % 7 === 0 ? 5 : undefined))
    expect(forecast(daily(weekly), 30)).toMatchObject({ refused: 'too-little-history', knownSteps: 13 })
  })

  it('goes on over a gap of a month', () => {
    const law = (day: number) => 10 + day
    const { p50 } = told(
      days(120, (day) => (day > 40 && day < 71 ? undefined : law(day))),
      30,
    )
    for (const [at, value] of p50.entries()) expect(value).toBeCloseTo(law(120 + at), 0)
  })

  it('tells the same of the same', () => {
    const values = days(80, (day) => (day * 7919) % 31)
    expect(forecast(daily(values), 40)).toEqual(forecast(daily(values), 40))
  })

  it('has quantiles that hold, and beats what was a week ago, on made-up histories', () => {
    const scores = trial(1, 1)
    const all = inBars(together(scores.values()))
    expect(all.p90CoveragePercent).toBeGreaterThan(85)
    expect(all.p90CoveragePercent).toBeLessThan(95)
    expect(all.lossOfNaive).toBeLessThan(0.9)
  }, 60_000)
})

describe('exhaustion', () => {
  const line = { startAt: 1000, stepMs: 10, p50: [1, 2, 3, 4], p90: [2, 4, 6, 8] }
  it.each([
    [3, 1020, 1010],
    [8, undefined, 1030],
    [9, undefined, undefined],
    [0, 1000, 1000],
  ])('of the limit %d', (limit, p50At, p90At) => {
    expect(exhaustion(line, limit)).toEqual({ p50At, p90At, toldUntil: 1040 })
  })
})

describe('daily history', () => {
  it('takes the highest of each day that is over', () => {
    const points = [
      { at: dayMs, value: 1 },
      { at: dayMs + 5, value: 9 },
      { at: dayMs + 6, value: undefined },
      { at: 3 * dayMs, value: 4 },
      { at: 4 * dayMs + 1, value: 100 },
    ]
    expect(dailyHistory(points, 4 * dayMs + 2)).toEqual({
      startAt: dayMs,
      stepMs: dayMs,
      seasonSteps: 7,
      values: [9, undefined, 4],
    })
  })
  it('is empty where nothing was told', () => {
    expect(dailyHistory([], 10 * dayMs).values).toEqual([])
  })
})
