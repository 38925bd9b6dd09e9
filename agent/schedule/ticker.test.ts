import { describe, expect, it } from 'vitest'

import { runTicker } from './ticker.js'

/** Runs beats with given durations of the work; the clock moves only by the work and by waiting. */
async function beats(workMs: readonly number[], intervalMs: number): Promise<{ starts: number[]; skipped: number }> {
  const stop = new AbortController()
  const starts: number[] = []
  let now = 0
  let skipped = 0
  await runTicker({
    intervalMs: () => {
      // Waiting is instant here: the clock is moved to the next due moment.
      return intervalMs
    },
    work: async () => {
      const index = starts.length
      // The ticker waits in real time for at most a few ms; the logical clock rounds up to the beat.
      now = Math.max(now, Math.ceil(now / intervalMs) * intervalMs)
      starts.push(now)
      now += workMs[index] ?? 0
      if (index + 1 >= workMs.length) stop.abort()
    },
    onSkipped: (count) => {
      skipped += count
    },
    signal: stop.signal,
    monotonicMs: () => now,
  })
  return { starts, skipped }
}

describe('runTicker', () => {
  it('keeps the beat', async () => {
    expect(await beats([1, 1, 1], 10)).toEqual({ starts: [0, 10, 20], skipped: 0 })
  })

  it('skips and counts the beats that a long run missed, and goes on in step', async () => {
    expect(await beats([35, 1, 1], 10)).toEqual({ starts: [0, 40, 50], skipped: 2 })
  })

  it('ends when told', async () => {
    const stop = new AbortController()
    stop.abort()
    let ran = 0
    const work = async (): Promise<void> => {
      ran += 1
    }
    await runTicker({
      intervalMs: () => 1,
      work,
      onSkipped: () => undefined,
      signal: stop.signal,
      monotonicMs: () => 0,
    })
    expect(ran).toBe(0)
  })
})
