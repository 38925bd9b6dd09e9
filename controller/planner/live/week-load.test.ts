import { expect, it } from 'vitest'

import { builtAt } from '../../../test/support/snapshot-builder.js'
import { historyFrom, weekLoad, type PastHour } from './week-load.js'

/** Sunday, 2012-01-15T00:00Z. */
const sunday = builtAt
const hourMs = 3_600_000

function hours(count: number, coresAt: (hourOfWeek: number, week: number) => number): PastHour[] {
  return Array.from({ length: count }, (_, at) => {
    return { atMs: sunday + at * hourMs, cores: coresAt(at % 168, Math.floor(at / 168)) }
  })
}

it('keeps of each part of the week the highest of its hours, working days and weekends apart', () => {
  const isNight = (hour: number): boolean => hour % 24 < 6
  const load = weekLoad(
    hours(168 * 4, (hour) => (hour < 24 || hour >= 144 ? 0.5 : isNight(hour) ? 3 : 1)),
    0,
  )
  expect(load).toEqual([3, 1, 1, 1, 0.5, 0.5, 0.5, 0.5])
})

it('goes by the clock of those who work there', () => {
  const load = weekLoad(
    hours(168, (hour) => (hour % 24 === 23 && hour > 24 && hour < 144 ? 2 : 0)),
    60,
  )
  expect(load?.[0]).toBe(2)
  expect(load?.[3]).toBe(0)
})

it('takes a single busy hour of few weeks for what it is, and one part without figures for the highest', () => {
  const load = weekLoad(
    hours(24, (hour) => (hour === 13 ? 4 : 1)),
    0,
  )
  expect(load).toEqual([4, 4, 4, 4, 1, 1, 4, 1])
})

it('says nothing of less than a day', () => {
  expect(
    weekLoad(
      hours(23, () => 1),
      0,
    ),
  ).toBeUndefined()
})

it('reads whole weeks', () => {
  expect((sunday - historyFrom(sunday + 1, 4)) / hourMs).toBe(168 * 4)
})
