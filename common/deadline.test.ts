import { getEventListeners } from 'node:events'

import { describe, expect, it } from 'vitest'

import { DeadlineExceeded, withDeadline } from './deadline.js'

/** Ends only when its signal aborts, with the signal's reason. */
const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason))
  })

describe('withDeadline', () => {
  it('gives the result and leaves nothing behind', async () => {
    const stop = new AbortController()
    await expect(withDeadline(10_000, stop.signal, async () => 7)).resolves.toBe(7)
    await expect(withDeadline(10_000, stop.signal, async () => Promise.reject(new Error('x')))).rejects.toThrow('x')
    expect(getEventListeners(stop.signal, 'abort')).toEqual([])
  })

  it('aborts the work when the time is over', async () => {
    const stop = new AbortController()
    await expect(withDeadline(5, stop.signal, untilAborted)).rejects.toThrow(
      new DeadlineExceeded('not done within 5 ms'),
    )
    expect(stop.signal.aborted).toBe(false)
  })

  it('aborts the work when told to stop, with the reason', async () => {
    const stop = new AbortController()
    const done = withDeadline(10_000, stop.signal, untilAborted)
    stop.abort(new Error('we are leaving'))
    await expect(done).rejects.toThrow('we are leaving')
  })

  it('hands an aborted signal to work that begins after the stop', async () => {
    const seen = await withDeadline(10_000, AbortSignal.abort(), async (signal) => signal.aborted)
    expect(seen).toBe(true)
  })
})
