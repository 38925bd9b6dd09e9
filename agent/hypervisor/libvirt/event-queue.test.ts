import { describe, expect, it } from 'vitest'

import type { HypervisorEvent } from '../hypervisor.js'
import { EventQueue } from './event-queue.js'

const event = (atMs: number): HypervisorEvent => ({ atMs, kind: 'started', reason: 'booted' })

async function readAll(queue: EventQueue, signal = new AbortController().signal): Promise<number[]> {
  const times: number[] = []
  for await (const { atMs } of queue.read(signal)) times.push(atMs)
  return times
}

describe('EventQueue', () => {
  it('drops the oldest when nobody reads, and counts it', async () => {
    const queue = new EventQueue(3)
    for (const atMs of [1, 2, 3, 4, 5]) queue.push(event(atMs))
    queue.close()
    expect(await readAll(queue)).toEqual([3, 4, 5])
    expect(queue.dropped).toBe(2)
  })

  it('wakes a waiting reader, and ends it when closed', async () => {
    const queue = new EventQueue()
    const reading = readAll(queue)
    queue.push(event(1))
    await Promise.resolve()
    queue.push(event(2))
    queue.close()
    queue.push(event(3))
    expect(await reading).toEqual([1, 2])
  })

  it('ends a waiting reader when its signal aborts; the next one goes on', async () => {
    const queue = new EventQueue()
    const abort = new AbortController()
    const reading = readAll(queue, abort.signal)
    abort.abort()
    expect(await reading).toEqual([])
    queue.push(event(1))
    queue.close()
    expect(await readAll(queue)).toEqual([1])
  })
})
