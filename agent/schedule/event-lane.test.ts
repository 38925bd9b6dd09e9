import { describe, expect, it, vi } from 'vitest'

import { createLog } from '../../common/log.js'
import type { HypervisorEvent } from '../hypervisor/hypervisor.js'
import { EventLane } from './event-lane.js'

const event = (atMs: number): HypervisorEvent => ({ atMs, kind: 'started', reason: 'booted' })

describe('EventLane', () => {
  it('drops the oldest and counts them when a report is stuck for too long', async () => {
    const stop = new AbortController()
    const reported: number[] = []
    let open = (): void => undefined
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    let told = 0
    const lane = new EventLane({
      async *events(signal) {
        yield event(0)
        await vi.waitFor(() => expect(reported).toEqual([0]))
        for (told = 1; told <= 5000; told += 1) yield event(told)
        await new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => resolve(), { once: true })
        })
      },
      report: async (events) => {
        reported.push(...events.map(({ atMs }) => atMs))
        await gate
      },
      signal: stop.signal,
      log: createLog('test', 'silent'),
    })
    const running = lane.run()
    await vi.waitFor(() => expect(told).toBe(5001))
    expect(lane.dropped).toBe(5000 - 4096)
    open()
    await vi.waitFor(() => expect(reported.at(-1)).toBe(5000))
    expect(reported.slice(0, 2)).toEqual([0, 5000 - 4096 + 1])
    stop.abort()
    await running
  })

  it('ends with its signal even where the source has ended by itself', async () => {
    const stop = new AbortController()
    let asked = 0
    const lane = new EventLane({
      // oxlint-disable-next-line require-yield -- A hypervisor that was closed.
      async *events() {
        asked += 1
      },
      report: async () => undefined,
      signal: stop.signal,
      log: createLog('test', 'silent'),
    })
    const running = lane.run()
    await vi.waitFor(() => expect(asked).toBe(1))
    stop.abort()
    await running
    expect(asked).toBe(1)
  })
})
