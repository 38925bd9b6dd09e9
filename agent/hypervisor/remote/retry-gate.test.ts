import { expect, test } from 'vitest'

import { Backoff } from '../../../common/backoff.js'
import { RetryGate } from './retry-gate.js'

test('refuses with the last failure until its time, longer each time, at once again after it worked', () => {
  let clock = 0
  // Without chance: the whole delay.
  const gate = new RetryGate(new Backoff({ baseMs: 100, capMs: 300 }, () => 1), () => clock)
  const waits = (): number => {
    const from = clock
    while (gate.refusal() !== undefined) clock += 1
    return clock - from
  }
  expect(gate.refusal()).toBeUndefined()
  const failures = [1, 2, 3, 4].map((number) => {
    gate.failed(new Error(`failure ${number}`))
    return [gate.refusal()?.message, waits()]
  })
  expect(failures).toEqual([
    ['failure 1', 100],
    ['failure 2', 200],
    ['failure 3', 300],
    ['failure 4', 300],
  ])
  gate.worked()
  gate.failed(new Error('later'))
  expect(waits()).toBe(100)
})
