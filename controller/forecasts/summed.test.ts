import { expect, it } from 'vitest'

import { summed } from './summed.js'

const day = 86_400_000
const daily = (firstDay: number, values: readonly (number | undefined)[]) => {
  return { startAt: firstDay * day, stepMs: day, seasonSteps: 7, values }
}

it('adds what is there, and knows nothing of a day on which a part was silent', () => {
  expect(summed([daily(2, [1, 1, undefined, 1]), daily(4, [10, 10]), daily(9, [])])).toEqual(
    daily(2, [1, 1, undefined, 11]),
  )
})

it('does not know the days after one part ends, while another goes on', () => {
  expect(summed([daily(0, [1, 1, 1]), daily(0, [5])])).toEqual(daily(0, [6, undefined, undefined]))
})

it('is nothing of nothing', () => {
  expect(summed([daily(1, [])])).toBeUndefined()
})
