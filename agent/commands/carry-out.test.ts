import { expect, it } from 'vitest'

import { pause } from '../../common/lifecycle.js'
import { HandControl } from '../../test/support/hand-control.js'
import { VerbBench } from '../../test/support/verb-bench.js'
import { lookAtIt, type Run } from './carry-out.js'
import { allVerbs } from './verbs/all-verbs.js'
import { StillGoesOn } from './verbs/verb-work.js'

it('looks no longer than it may at what came of it, also where each look takes long', async () => {
  const control = new HandControl()
  control.add('a', 'alpha')
  const context = await new VerbBench(control, 'a').contextOf({})
  let looks = 0
  const { signal } = new AbortController()
  control.look = async () => {
    looks += 1
    await pause(50, signal)
    throw new Error('it hangs')
  }
  const run: Run = {
    ...context,
    work: allVerbs.suspend,
    signal,
    stopping: signal,
    control: () => control,
  }
  expect(await lookAtIt(run, 'broken off', { forMs: 300, againMs: 1 })).toEqual({
    state: 'unknown',
    reason: 'broken off; the VM could not be looked at: it hangs',
  })
  expect(looks).toBeLessThanOrEqual(7)
})

it('looks as long as the hypervisor is at work on it, and has it given up when it is cancelled', async () => {
  const control = new HandControl()
  control.add('a', 'alpha')
  const context = await new VerbBench(control, 'a').contextOf({})
  const cancel = new AbortController()
  const { signal: stopping } = new AbortController()
  const beganMs = performance.now()
  let isGivenUp = false
  const run: Run = {
    ...context,
    work: {
      run: () => Promise.reject(new Error('not asked')),
      seen: () => {
        // Longer than one that cannot be looked at is looked at.
        if (performance.now() > beganMs + 1500) cancel.abort('cancelled')
        if (!isGivenUp) throw new StillGoesOn('it is still being moved')
        return Promise.resolve({ state: 'failed', reason: 'it runs here' })
      },
      breakOff: () => {
        isGivenUp = true
        return Promise.resolve()
      },
    },
    signal: cancel.signal,
    stopping,
    control: () => control,
  }
  expect(await lookAtIt(run, 'the agent ended', { forMs: 500, againMs: 1 })).toEqual({
    state: 'failed',
    reason: 'the agent ended; it runs here',
  })
})
