import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { ClockOffset, setOnBetween } from './clock-offset.js'

describe('ClockOffset', () => {
  it.each<[string, number, number]>([
    ['equal clocks', 40, 0],
    ['a little apart', -1900, 0],
    ['an agent that is a day behind', 86_400_000, 86_400_000],
    ['an agent that is a day ahead', -86_400_000, -86_400_000],
  ])('takes the first hello at its word: %s', (_what, difference, offset) => {
    expect(new ClockOffset(difference).ms).toBe(offset)
  })

  it.each<[string, number, number, number, number]>([
    ['equal clocks, and a hello that waited at a busy controller', 9000, 9100, 50, 0],
    ['the same, and the second waited too', 9000, 9100, 6000, 0],
    ['an agent a minute behind, and the hello waited', 69_000, 9100, 60_050, 59_975],
    ['an agent a minute ahead, and the hello waited', -51_000, 9100, -59_900, -60_000],
    ['a long way, and clocks that differ by more than that', 20_000, 3000, 19_000, 18_000],
  ])('knows from the second how much of it was the way: %s', (_what, first, answeredAfter, second, offset) => {
    const clock = new ClockOffset(first)
    clock.again(second, answeredAfter)
    expect(clock.ms).toBe(offset)
  })

  it('is never further off than the way was long, and never off for equal clocks', () => {
    const way = fc.integer({ min: 0, max: 30_000 })
    const offset = fc.oneof(fc.constant(0), fc.integer({ min: -1e8, max: 1e8 }))
    fc.assert(
      fc.property(offset, way, way, way, (trueMs, thereMs, backMs, againMs) => {
        const clock = new ClockOffset(trueMs + thereMs)
        clock.again(trueMs + againMs, thereMs + backMs)
        expect(trueMs !== 0 || clock.ms === 0).toBe(true)
        expect(Math.abs(clock.ms - trueMs)).toBeLessThanOrEqual(thereMs + backMs + 2000)
      }),
      { seed: 1 },
    )
  })
})

describe('setOnBetween', () => {
  it.each([
    ['not set', { boot: 7, baseMs: 1000 }, { boot: 7, baseMs: 1010 }, 0],
    ['set on by a day', { boot: 7, baseMs: 1000 }, { boot: 7, baseMs: 86_401_000 }, 86_400_000],
    ['set back, from before 1970', { boot: 7, baseMs: 5000 }, { boot: 7, baseMs: -5000 }, -10_000],
    ['drifting', { boot: 7, baseMs: 1000 }, { boot: 7, baseMs: 2999 }, 0],
    ['of another boot', { boot: 7, baseMs: 1000 }, { boot: 8, baseMs: 86_401_000 }, 0],
    ['not known', { boot: 0, baseMs: 0 }, { boot: 0, baseMs: 86_400_000 }, 0],
  ])('a clock that was %s', (_how, then, now, byMs) => {
    expect(setOnBetween(then, now)).toBe(byMs)
  })
})
