import { describe, expect, it } from 'vitest'

import { Spool } from './spool.js'

function filled(count: number, bounds = { maxReports: 5, maxBytes: 1000 }, bytes = 10): Spool<string> {
  const spool = new Spool<string>('s', bounds)
  for (let index = 0; index < count; index += 1) spool.add((seq) => ({ report: `r${seq}`, bytes }))
  return spool
}

describe('Spool', () => {
  it('keeps reports in order until they are acked', () => {
    const spool = filled(3)
    expect(spool.after(0)?.report).toBe('r1')
    spool.ack(2)
    expect([spool.after(0)?.report, spool.size, spool.bytes, spool.nextSeq]).toEqual(['r3', 1, 10, 4])
    expect(spool.after(3)).toBe(undefined)
  })

  it.each([
    ['by count', { maxReports: 5, maxBytes: 1000 }, 10],
    ['by bytes', { maxReports: 100, maxBytes: 50 }, 10],
  ])('drops the oldest first, %s, and counts', (_name, bounds, bytes) => {
    const spool = filled(8, bounds, bytes)
    expect([spool.size, spool.dropped, spool.oldestSeq, spool.after(0)?.report]).toEqual([5, 3, 4, 'r4'])
  })

  it('keeps the newest even when it alone is over the bound', () => {
    const spool = filled(2, { maxReports: 5, maxBytes: 5 }, 10)
    expect([spool.size, spool.dropped]).toEqual([1, 1])
  })

  it('takes acks of what it dropped or never had', () => {
    const spool = filled(8)
    spool.ack(2)
    expect(spool.size).toBe(5)
    spool.ack(100)
    expect([spool.size, spool.bytes, spool.oldestSeq]).toEqual([0, 0, 9])
  })
})
