import { expect, it } from 'vitest'

import { april2011, playFreeze } from '../freeze/play.js'

const names = april2011.map(({ name }) => name)

it('freezes where all begin as they are asked for, and neither freezes nor fills by admission', () => {
  const asAsked = playFreeze(april2011, { admission: false, seconds: 600 })
  expect(asAsked.frozenSeconds).toBeGreaterThan(80)
  const byAdmission = playFreeze(april2011, { admission: true, seconds: 600 })
  expect([byAdmission.frozenSeconds, byAdmission.fullSeconds]).toEqual([0, 0])
  expect(byAdmission.worstWriteMs).toBeLessThan(asAsked.worstWriteMs / 10)
  // All of the same is done, one after the other.
  for (const [index, name] of names.entries()) {
    expect(byAdmission.ended[name]).toBeLessThan(600)
    const before = byAdmission.ended[names[index - 1] ?? ''] ?? 0
    expect(byAdmission.began[name]).toBeGreaterThan(before)
  }
  expect(byAdmission.rates['copy of kure']).toBeLessThan(25e6)
})

it('does not freeze either where nobody has said what the array drains: one at a time, at any rate', () => {
  const unknown = playFreeze(april2011, { admission: true, seconds: 600, told: undefined })
  expect(unknown.frozenSeconds).toBe(0)
})
