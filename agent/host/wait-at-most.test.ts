import { setImmediate } from 'node:timers/promises'

import { expect, test } from 'vitest'

import { DeadlineExceeded } from '../../common/deadline.js'
import { waitAtMost } from './wait-at-most.js'

const never = new Promise<never>(() => undefined)

test('what comes in time passes, also an error', async () => {
  await expect(waitAtMost(Promise.resolve(5), 1000, 'x')).resolves.toBe(5)
  await expect(waitAtMost(Promise.reject(new Error('boom')), 1000, 'x')).rejects.toThrow('boom')
})

test('what does not come is named', async () => {
  await expect(waitAtMost(never, 1, 'statfs /mnt')).rejects.toThrow(
    new DeadlineExceeded('statfs /mnt: no answer within 1 ms'),
  )
})

test('an abort ends the wait, before or during it', async () => {
  const abort = new AbortController()
  const waiting = waitAtMost(never, 60_000, 'x', abort.signal)
  abort.abort(new Error('stopping'))
  await expect(waiting).rejects.toThrow('stopping')
  await expect(waitAtMost(never, 60_000, 'x', abort.signal)).rejects.toThrow('stopping')
})

test('work that fails after its deadline disturbs nobody', async () => {
  let fail: (error: Error) => void = () => undefined
  const work = new Promise<never>((_resolve, reject) => {
    fail = reject
  })
  await expect(waitAtMost(work, 1, 'x')).rejects.toThrow(DeadlineExceeded)
  fail(new Error('late'))
  // An unhandled rejection would fail the run here.
  await setImmediate()
})
