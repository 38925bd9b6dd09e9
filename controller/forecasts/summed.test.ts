import { expect, it } from 'vitest'

import { summed } from './summed.js'

const day = 86_400_000
const daily = (firstDay: number, values: readonly (number | undefined)[]) => {
  return { startAt: firstDay * day, stepMs: day, seasonSteps: 7, values }
}
const nothing = (days: number): undefined[] => Array.from({ length: days }, () => undefined)

it('adds what is there; before its first day a part was not', () => {
  expect(summed([daily(2, [1, 1, 1, 1]), daily(4, [10, 10]), daily(9, [])])).toEqual(daily(2, [1, 1, 11, 11]))
})

it('counts a part that is silent as it was, for a week', () => {
  expect(summed([daily(0, [1, undefined, 2]), daily(0, [5, 5, 5])])).toEqual(daily(0, [6, 6, 7]))
  const long = summed([
    daily(0, [1, ...nothing(8), 3]),
    daily(
      0,
      Array.from({ length: 10 }, () => 5),
    ),
  ])
  expect(long?.values).toEqual([6, 6, 6, 6, 6, 6, 6, 6, undefined, 8])
})

it('does not know what a part does that has ended for longer', () => {
  const sum = summed([
    daily(0, [5]),
    daily(
      0,
      Array.from({ length: 10 }, () => 1),
    ),
  ])
  expect(sum?.values).toEqual([6, 6, 6, 6, 6, 6, 6, 6, undefined, undefined])
})

it('is nothing of nothing', () => {
  expect(summed([daily(1, [])])).toBeUndefined()
})
