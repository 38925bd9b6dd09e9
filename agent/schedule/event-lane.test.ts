import { describe, expect, it, vi } from 'vitest'

import { createLog } from '../../common/log.js'
import type { HypervisorEvent } from '../hypervisor/hypervisor.js'
import { EventLane } from './event-lane.js'

const event = (atMs: number, part: Partial<HypervisorEvent> = {}): HypervisorEvent => {
  return { atMs, kind: 'started', reason: 'booted', ...part }
}

/** A lane over a source that the test feeds. */
function laneOn(): {
  readonly reports: (readonly HypervisorEvent[])[]
  readonly happens: (...events: readonly HypervisorEvent[]) => void
  readonly stop: () => Promise<void>
} {
  const stop = new AbortController()
  const reports: (readonly HypervisorEvent[])[] = []
  const waiting: HypervisorEvent[] = []
  let wake = (): void => undefined
  const lane = new EventLane({
    async *events(signal) {
      signal.addEventListener('abort', () => wake(), { once: true })
      while (!signal.aborted) {
        yield* waiting.splice(0)
        await new Promise<void>((resolve) => {
          wake = resolve
          if (waiting.length > 0 || signal.aborted) resolve()
        })
      }
    },
    report: (events) => reports.push(events),
    signal: stop.signal,
    log: createLog('test', 'silent'),
  })
  const running = lane.run()
  return {
    reports,
    happens: (...events) => {
      waiting.push(...events)
      wake()
    },
    stop: async () => {
      stop.abort()
      await running
    },
  }
}

/** Lets everything happen that waits for no timer. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((done) => setImmediate(done))
}

describe('EventLane', () => {
  it.each<[string, Partial<HypervisorEvent>, boolean]>([
    ['a start', {}, false],
    ['a definition', { kind: 'defined', reason: 'unknown' }, false],
    ['a suspension', { kind: 'suspended', reason: 'user' }, true],
    ['a departure', { kind: 'suspended', reason: 'migration' }, true],
    ['an arrival', { kind: 'resumed', reason: 'migrated' }, true],
    ['an arrival by post-copy', { kind: 'resumed', reason: 'post-copy' }, true],
    ['being received', { kind: 'started', reason: 'migrated' }, true],
    ['the end on the source', { kind: 'stopped', reason: 'migrated' }, true],
  ])('%s goes out before the window of gathering ends: %#', async (_what, part, isUrgent) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const { reports, happens, stop } = laneOn()
      happens(event(1))
      await turns()
      expect(reports).toEqual([])
      happens(event(2, part))
      await turns()
      expect(reports.map((events) => events.map(({ atMs }) => atMs))).toEqual(isUrgent ? [[1, 2]] : [])
      vi.advanceTimersByTime(50)
      expect(reports.map((events) => events.map(({ atMs }) => atMs))).toEqual([[1, 2]])
      happens(event(3))
      await turns()
      expect(reports).toHaveLength(1)
      vi.advanceTimersByTime(50)
      expect(reports).toHaveLength(2)
      await stop()
    } finally {
      vi.useRealTimers()
    }
  })

  it('reports a storm of urgent ones in few reports, none larger than the controller takes', async () => {
    const { reports, happens, stop } = laneOn()
    happens(...Array.from({ length: 3000 }, (_, n) => event(n, { kind: 'suspended' })))
    await turns()
    expect(reports.map(({ length }) => length)).toEqual([1024, 1024, 952])
    expect(reports.flat().map(({ atMs }) => atMs)).toEqual(Array.from({ length: 3000 }, (_, n) => n))
    await stop()
  })

  it('reports at its end what it has heard, at once', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const { reports, happens, stop } = laneOn()
      happens(event(1))
      await turns()
      await stop()
      expect(reports).toEqual([[event(1)]])
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })

  it('ends with its signal even where the source has ended by itself', async () => {
    const stop = new AbortController()
    let asked = 0
    const lane = new EventLane({
      // oxlint-disable-next-line require-yield -- A hypervisor that was closed.
      async *events() {
        asked += 1
      },
      report: () => undefined,
      signal: stop.signal,
      log: createLog('test', 'silent'),
    })
    const running = lane.run()
    await vi.waitFor(() => expect(asked).toBe(1), { timeout: 5000 })
    stop.abort()
    await running
    expect(asked).toBe(1)
  })
})
