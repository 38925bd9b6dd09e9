import { describe, expect, it } from 'vitest'

import { Backoff } from './backoff.js'

const options = { baseMs: 100, capMs: 1000 }

describe('Backoff', () => {
  it.each([
    ['the longest', 0.999_999_9, [100, 200, 400, 800, 1000, 1000]],
    ['the shortest', 0, [10, 20, 40, 80, 100, 100]],
  ])('doubles up to its cap: %s', (_name, random, waits) => {
    const backoff = new Backoff(options, () => random)
    expect(waits.map(() => Math.round(backoff.nextMs()))).toEqual(waits)
  })

  it('begins again after a success', () => {
    const backoff = new Backoff(options, () => 0.5)
    const first = backoff.nextMs()
    backoff.nextMs()
    backoff.reset()
    expect(backoff.nextMs()).toBe(first)
  })

  it('stays finite however often it fails, and spreads a fleet', () => {
    const backoff = new Backoff(options)
    const waits = Array.from({ length: 5000 }, () => backoff.nextMs())
    expect(Math.max(...waits)).toBeLessThanOrEqual(1000)
    expect(new Set(waits.slice(100)).size).toBeGreaterThan(4000)
  })
})
