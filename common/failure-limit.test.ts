import { describe, expect, it } from 'vitest'

import { FailureLimit } from './failure-limit.js'

describe('failures of a peer', () => {
  it('are free up to the limit, then held up to the end of the window', () => {
    const limit = new FailureLimit({ most: 2, windowMs: 1000, mostPeers: 10 })
    expect([limit.record('a', 0), limit.record('a', 1), limit.record('a', 400)]).toEqual([undefined, undefined, 600])
    expect(limit.record('b', 400)).toBeUndefined()
    expect(limit.record('a', 999)).toBe(1)
    expect(limit.record('a', 1000)).toBeUndefined()
  })

  it('take a bounded memory, however many peers there are', () => {
    const limit = new FailureLimit({ most: 1, windowMs: 1000, mostPeers: 3 })
    for (let peer = 0; peer < 1000; peer += 1) limit.record(String(peer), peer)
    expect(limit.peers).toBe(3)
    expect(limit.record('999', 1000)).toBe(999)
  })

  it('are forgotten after the window', () => {
    const limit = new FailureLimit({ most: 1, windowMs: 1000, mostPeers: 1000 })
    for (let peer = 0; peer < 100; peer += 1) limit.record(String(peer), 0)
    limit.record('later', 1000)
    expect(limit.peers).toBe(1)
  })
})
