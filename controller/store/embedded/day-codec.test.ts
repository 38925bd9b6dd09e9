import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { allSteps, decodeDay, encodeDay, type DaySteps } from './day-codec.js'
import { asKept, summaryOf, togetherOf, type Summary } from './summaries.js'

const bits = 16

const number = fc.oneof(
  fc.constantFrom(0, 1, 0.5, 2 ** 40 + 4096),
  fc.double({ min: -1e300, max: 1e300, noNaN: true }),
  fc.double({ min: 0, max: 1000, noNaN: true }),
)
const step = fc.option(
  fc.array(number, { minLength: 1, maxLength: 12 }).map((values) => summaryOf(Float64Array.from(values))),
  { nil: undefined },
)
const fieldsOf = (stepCount: number): fc.Arbitrary<Map<number, DaySteps>> => {
  const steps = fc.array(step, { minLength: stepCount, maxLength: stepCount })
  return fc
    .uniqueArray(fc.tuple(fc.integer({ min: 0, max: 200 }), steps), { maxLength: 6, selector: ([field]) => field })
    .map((fields) => new Map(fields))
}
const day = fc.constantFrom(24, 288).chain((stepCount) => fc.tuple(fieldsOf(stepCount), fc.constant(stepCount)))

function present(steps: DaySteps): Summary[] {
  return steps.filter((one) => one !== undefined)
}

test('gives back each step of each field, and as the whole day what its steps add up to', () => {
  fc.assert(
    fc.property(day, fc.option(fc.integer({ min: 0, max: 200 })), ([fields, stepCount], other) => {
      const bytes = encodeDay(fields, stepCount)
      const known = new Map([...fields].filter(([, steps]) => present(steps).length > 0))
      const wanted = other === null ? undefined : new Set([other, ...[...fields.keys()].slice(0, 2)])
      const asked = [...known.keys()].filter((field) => wanted?.has(field) !== false)

      const byStep = decodeDay(bytes, wanted === undefined ? {} : { wanted })
      expect(byStep.stepCount).toBe(stepCount)
      expect([...byStep.fields.keys()]).toEqual(asked)
      for (const [field, list] of byStep.fields) {
        const expected = known.get(field)?.map((one) => (one === undefined ? undefined : asKept(one, bits)))
        const got = allSteps(list, stepCount).map((one) => (one === undefined ? undefined : asKept(one, bits)))
        expect(got).toEqual(expected)
      }

      const whole = decodeDay(bytes, wanted === undefined ? { whole: true } : { wanted, whole: true })
      expect(whole.stepCount).toBe(1)
      expect([...whole.fields.keys()]).toEqual(asked)
      for (const [field, { steps, first, summaries }] of whole.fields) {
        const list = byStep.fields.get(field)
        const together = togetherOf(list === undefined ? [] : present(allSteps(list, stepCount)))
        expect(steps).toEqual([0])
        expect(summaries.figuresAt(first)).toEqual(together === undefined ? undefined : asKept(together, bits))
      }
    }),
  )
})

test('what was read is written again as the same bytes', () => {
  fc.assert(
    fc.property(day, ([fields, stepCount]) => {
      const bytes = encodeDay(fields, stepCount)
      const read = [...decodeDay(bytes).fields].map(([field, list]) => [field, allSteps(list, stepCount)] as const)
      expect(encodeDay(new Map(read), stepCount).equals(bytes)).toBe(true)
    }),
    { numRuns: 30 },
  )
})

test('any changed byte shows', () => {
  const summary = summaryOf(Float64Array.of(1, 2, 3))
  const bytes = encodeDay(new Map([[4, Array.from({ length: 24 }, () => summary)]]), 24)
  for (let at = 0; at < bytes.length; at += 1) {
    const damaged = Buffer.from(bytes)
    damaged[at] = (damaged[at] ?? 0) ^ 0x10
    for (const whole of [true, false]) expect(() => decodeDay(damaged, { whole })).toThrow(/damaged/)
  }
  expect(() => decodeDay(bytes.subarray(0, 3))).toThrow(/damaged/)
})

/** Two fields in hours, as they were written before there were figures of the whole day. */
const version1 = Buffer.from(
  'TJOnGgEYAgNlIYQQAwAGABIB1qr1P9TKAhIAeLJKYtUEAAAUAQCAgAMbAOAABAAFAAAQAAAAAAASAYCAgECAwAIRAHAB4AAAAQAAEgGAgIBAgMAC' +
    'EQBwAeAAAAEAAA8A3/8BHwAAIAARAAEAAQAHHwAAgAIBAgUBgIDYQAUBgIDYQAUBgIDYQAUBgIDYQAA=',
  'base64',
)

test('reads the form of before, which has no whole days: by step, whatever is asked for', () => {
  for (const whole of [true, false]) {
    const { stepCount, fields } = decodeDay(version1, { whole })
    expect(stepCount).toBe(24)
    expect([...fields.keys()]).toEqual([3, 7])
    expect(fields.get(3)?.steps).toEqual([0, 5, 10, 15, 20])
    expect(fields.get(3)?.summaries.at(2)).toMatchObject({ count: 3, min: 10, max: 12, last: 12 })
    expect(fields.get(7)?.steps).toEqual([23])
    expect(fields.get(7)?.summaries.at(0)).toMatchObject({ count: 1, sum: 4096, min: 4096, max: 4096, last: 4096 })
    expect([...decodeDay(version1, { wanted: new Set([7]), whole }).fields.keys()]).toEqual([7])
  }
})
