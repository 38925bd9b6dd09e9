import { expect, test } from 'vitest'

import { shownForMs, withoutOldRefusals, withoutRefusal, withRefusal, type Refusals } from './refusals.js'

const none: Refusals = new Map()
const of = (clockMs: number, reason = 'no such mailbox') => ({ target: 'mail', reason, clockMs })
const targets = new Set(['mail'])

test('what was refused is shown until something is taken in its lane', () => {
  const refused = withRefusal(withRefusal(none, 'bob', of(1)), 'eve', of(2))
  expect([...withoutRefusal(refused, 'bob').keys()]).toEqual(['eve'])
  expect(withoutRefusal(refused, 'zoe')).toBe(refused)
})

test('the same is noted anew after ten minutes, another reason at once', () => {
  const refused = withRefusal(none, 'bob', of(1))
  expect(withRefusal(refused, 'bob', of(599_000))).toBe(refused)
  expect(withRefusal(refused, 'bob', of(600_001)).get('bob')?.clockMs).toBe(600_001)
  expect(withRefusal(refused, 'bob', of(2, 'too large')).get('bob')?.reason).toBe('too large')
})

test('it is shown for a day, while its way is there', () => {
  const refused = withRefusal(none, 'bob', of(1))
  expect(withoutOldRefusals(refused, shownForMs, targets)).toBe(refused)
  expect(withoutOldRefusals(refused, shownForMs + 1, targets).size).toBe(0)
  expect(withoutOldRefusals(refused, 2, new Set()).size).toBe(0)
})

test('of too many the oldest goes', () => {
  let refused = none
  for (let at = 0; at <= 1000; at += 1) refused = withRefusal(refused, `lane${at}`, of(at))
  expect([refused.size, refused.has('lane0'), refused.has('lane1000')]).toEqual([1000, false, true])
})
