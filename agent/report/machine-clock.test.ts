import { expect, it, vi } from 'vitest'

import { machineClock } from './machine-clock.js'

it('readings of one boot differ by what the clock was set, and by nothing else', async () => {
  let aheadMs = 0
  const read = machineClock(() => Date.now() + aheadMs)
  const before = read()
  const again = machineClock(() => Date.now())
  const readAt = performance.now()
  await vi.waitFor(() => expect(performance.now() - readAt).toBeGreaterThan(60))
  expect(before.boot).toBeGreaterThan(0)
  expect(again().boot).toBe(before.boot)
  expect(Math.abs(again().baseMs - before.baseMs)).toBeLessThan(50)
  aheadMs = -86_400_000
  expect(Math.abs(read().baseMs - before.baseMs + 86_400_000)).toBeLessThan(50)
})
