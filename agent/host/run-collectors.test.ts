import { setImmediate } from 'node:timers/promises'

import { expect, test } from 'vitest'

import type { HostRaw } from '../hypervisor/hypervisor.js'
import { CollectorRunner, type Collector } from './run-collectors.js'

const quiet = (): AbortSignal => new AbortController().signal
const fixed = (name: string, host: HostRaw): Collector => ({ name, collect: async () => host })

/** Ends when it is told to. */
function held(name: string, host: HostRaw) {
  let release: () => void = () => undefined
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  let starts = 0
  const collector: Collector = {
    name,
    collect: async () => {
      starts += 1
      await gate
      return host
    },
  }
  return { collector, release: () => release(), starts: () => starts }
}

test('joins what all have read', async () => {
  const runner = new CollectorRunner([fixed('a', { load1: 1 }), fixed('b', { uptimeSeconds: 2 }), fixed('none', {})], {
    deadlineMs: 1000,
    monotonicMs: () => 0,
  })
  expect(await runner.run(quiet())).toEqual({
    host: { load1: 1, uptimeSeconds: 2 },
    runs: ['a', 'b', 'none'].map((name) => ({ name, durationSeconds: 0, success: true, error: '' })),
  })
})

test('one that throws, at once or later, costs only its own figures', async () => {
  const now: Collector = {
    name: 'now',
    collect: () => {
      throw new Error('at once')
    },
  }
  const later: Collector = { name: 'later', collect: () => Promise.reject(new Error('later')) }
  const { host, runs } = await new CollectorRunner([now, later, fixed('good', { load1: 1 })], {
    deadlineMs: 1000,
  }).run(quiet())
  expect(host).toEqual({ load1: 1 })
  expect(runs.map(({ name, success, error }) => [name, success, error])).toEqual([
    ['now', false, 'at once'],
    ['later', false, 'later'],
    ['good', true, ''],
  ])
})

test('one that hangs is given up, skipped and counted until it ends', async () => {
  const slow = held('slow', { load1: 9 })
  const runner = new CollectorRunner([slow.collector, fixed('good', { uptimeSeconds: 1 })], { deadlineMs: 5 })

  const first = await runner.run(quiet())
  expect(first.host).toEqual({ uptimeSeconds: 1 })
  expect(first.runs[0]).toMatchObject({ name: 'slow', success: false, error: 'no result within 5 ms' })

  const second = await runner.run(quiet())
  expect(second.host).toEqual({ uptimeSeconds: 1 })
  expect(second.runs[0]).toMatchObject({ success: false, error: 'skipped: still running from an earlier pass' })
  expect([slow.starts(), runner.skipped]).toEqual([1, 1])

  slow.release()
  await setImmediate()
  const third = await runner.run(quiet())
  expect(third.host).toEqual({ load1: 9, uptimeSeconds: 1 })
  expect([slow.starts(), runner.skipped]).toEqual([2, 1])
})

test('an abort ends the pass, and the collectors hear of it', async () => {
  const abort = new AbortController()
  let heard = false
  const slow: Collector = {
    name: 'slow',
    collect: (signal) =>
      new Promise(() => {
        signal.addEventListener('abort', () => {
          heard = true
        })
      }),
  }
  const pass = new CollectorRunner([slow], { deadlineMs: 60_000 }).run(abort.signal)
  abort.abort(new Error('stopping'))
  expect((await pass).runs[0]).toMatchObject({ success: false, error: 'stopping' })
  expect(heard).toBe(true)
})

test('durations come from the clock that is given', async () => {
  let ms = 0
  const runner = new CollectorRunner([fixed('a', {})], { deadlineMs: 1000, monotonicMs: () => (ms += 250) })
  expect((await runner.run(quiet())).runs[0]?.durationSeconds).toBe(0.25)
})
