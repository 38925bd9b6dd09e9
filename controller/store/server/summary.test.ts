import * as fc from 'fast-check'
import { expect, it } from 'vitest'

import { exactQuantile } from '../embedded/sketch.js'
import { aggregations, type Aggregation } from '../time-series.js'
import { Gathered, type Summary } from './summary.js'

function summaryOf(values: readonly number[]): Summary {
  return {
    count: values.length,
    mean: values.reduce((sum, value) => sum + value, 0) / values.length,
    min: Math.min(...values),
    max: Math.max(...values),
    last: values.at(-1) ?? NaN,
    p95: exactQuantile([...values], 0.95) ?? NaN,
  }
}

function over(
  aggregation: Aggregation,
  windows: readonly (readonly number[])[],
  values: readonly number[] = [],
): number {
  const gathered = new Gathered(aggregation)
  for (const window of windows) gathered.addSummary(summaryOf(window))
  for (const value of values) gathered.addValue(value)
  return gathered.result() ?? NaN
}

it.each(aggregations)('has no %s of nothing', (aggregation) => {
  expect(new Gathered(aggregation).result()).toBeUndefined()
})

it.each([
  ['mean', 4],
  ['min', 1],
  ['max', 9],
  ['last', 9],
  ['sum', 16],
] as const)('takes the %s of summaries and values together, weighted by count', (aggregation, expected) => {
  expect(over(aggregation, [[1, 1, 5]], [9])).toBe(expected)
})

const values = fc.array(fc.integer({ min: -100, max: 100 }), { minLength: 1, maxLength: 60 })

it('takes the p95 of values, of one window, and of windows that are alike, as it is', () => {
  fc.assert(
    fc.property(values, fc.integer({ min: 1, max: 5 }), (window, copies) => {
      const { p95 } = summaryOf(window)
      expect(over('p95', [], window)).toBe(p95)
      expect(
        over(
          'p95',
          Array.from({ length: copies }, () => window),
        ),
      ).toBe(p95)
    }),
  )
})

it('estimates the p95 of windows that differ between the least and the greatest p95 of the parts, as the true one is', () => {
  fc.assert(
    fc.property(
      fc.array(values, { minLength: 1, maxLength: 8 }),
      fc.array(fc.integer({ min: -100, max: 100 })),
      (windows, rest) => {
        const parts = [...windows.map((window) => summaryOf(window).p95), ...rest]
        for (const p95 of [over('p95', windows, rest), over('p95', [], [...windows.flat(), ...rest])]) {
          expect(p95).toBeLessThanOrEqual(Math.max(...parts))
          expect(p95).toBeGreaterThanOrEqual(Math.min(...parts))
        }
      },
    ),
  )
})

it('finds the busy window among quiet ones', () => {
  const quiet = Array.from({ length: 30 }, () => 1)
  const busy = Array.from({ length: 30 }, () => 80)
  expect(over('p95', [quiet, quiet, quiet, busy])).toBe(80)
  expect(over('p95', [...Array.from({ length: 39 }, () => quiet), busy])).toBe(1)
})
