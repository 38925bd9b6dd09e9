import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import type { Silence } from '../model/alert.js'
import type { Subject } from '../model/finding.js'
import { silencerOf } from './silencing.js'

const names = ['one', 'two'] as const
const match = fc.record(
  { check: fc.constantFrom('slow', 'lost', '*'), subject: fc.constantFrom('vm:one', 'vm:*', 'host:two') },
  { requiredKeys: [] },
)
const untilMs = fc.integer({ min: 1, max: 6 })
const said = { author: 'ann', reason: 'known' }
const silence = fc
  .record({ id: fc.constantFrom('a', 'b', 'c'), match, untilMs })
  .map((one): Silence => ({ ...one, ...said, createdAtMs: 0 }))
const fromFile = fc.array(fc.record({ match, untilMs }), { maxLength: 2 })

/** The wall clock goes where it likes; at some moments people change silences, or the policy is another one. */
const moment = fc.record({
  atMs: fc.integer({ min: 0, max: 7 }),
  made: fc.option(fc.array(silence, { maxLength: 3 }), { nil: undefined, freq: 2 }),
  fromFile: fc.option(fromFile, { nil: undefined, freq: 2 }),
})

test('what covers a finding is the same whether it was asked before or not', () => {
  let covered = 0
  fc.assert(
    fc.property(fc.array(moment, { maxLength: 30 }), (moments) => {
      let made: ReadonlyMap<string, Silence> = new Map()
      let ofFile: Parameters<typeof silencerOf>[1] = []
      for (const { atMs, ...changed } of moments) {
        if (changed.made !== undefined) made = new Map(changed.made.map((one) => [one.id, one]))
        if (changed.fromFile !== undefined) ofFile = changed.fromFile.map((one) => ({ ...one, ...said }))
        for (const check of ['slow', 'lost']) {
          for (const subject of names.map((name): Subject => ({ kind: 'vm', id: name, name }))) {
            // Nothing is remembered of another map.
            const fresh = silencerOf(new Map(made), ofFile, atMs)({ check, subject })
            expect(silencerOf(made, ofFile, atMs)({ check, subject })).toBe(fresh)
            const first = [...made.values()].find((one) => one.untilMs > atMs && covers(one.match, check, subject.name))
            expect([first?.id, undefined, ...ofFile.map((_, at) => `policy-${at + 1}`)]).toContain(fresh)
            expect(first === undefined || first.id === fresh).toBe(true)
            if (first !== undefined) covered += 1
          }
        }
      }
    }),
  )
  expect(covered).toBeGreaterThan(20)
})

function covers({ check, subject }: Silence['match'], ofCheck: string, name: string): boolean {
  if (check === undefined && subject === undefined) return false
  const isOfCheck = check === undefined || check === '*' || check === ofCheck
  return isOfCheck && (subject === undefined || subject === 'vm:*' || subject === `vm:${name}`)
}
