import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import { expect, it, vi } from 'vitest'

import { DiskSpool } from './disk-spool.js'
import { SegmentCache } from './segment-cache.js'

setFlagsFromString('--expose-gc')
// A function of V8's own, which has no type.
const collect: unknown = runInNewContext('gc')

it('holds no report in memory that was acked or dropped', async () => {
  const spool = new DiskSpool('s', '/nonexistent', new SegmentCache(0))
  const held: WeakRef<Buffer>[] = []
  for (let count = 0; count < 10; count += 1) {
    spool.add(() => {
      const report = Buffer.alloc(10_000)
      held.push(new WeakRef(report))
      return report
    }, 0)
  }
  spool.ack(5)
  spool.dropOldest()
  expect([spool.size, spool.memoryBytes]).toEqual([4, 40_000])
  await vi.waitFor(() => {
    if (typeof collect === 'function') collect()
    expect(held.map((report) => report.deref() !== undefined)).toEqual([
      ...Array.from({ length: 6 }, () => false),
      ...Array.from({ length: 4 }, () => true),
    ])
  }, 5000)
  expect(spool.after(0)?.seq).toBe(7)
})
