import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { expect, it } from 'vitest'

import { syncDirectory } from '../../common/durable-file.js'
import { DiskSpool } from './disk-spool.js'
import { SegmentCache } from './segment-cache.js'

it('a file whose name could not be made durable is not written to: it is made anew', async () => {
  const directory = join(mkdtempSync(join(tmpdir(), 'headroom-names-')), 's')
  let failures = 0
  const synced: string[] = []
  const spool = new DiskSpool('s', directory, new SegmentCache(0), async (path) => {
    if (failures-- > 0) throw new Error('EIO')
    await syncDirectory(path)
    synced.push(path)
  })
  spool.add(() => Buffer.from('a'), 0)
  failures = 1
  await expect(spool.spill(Infinity, 0)).rejects.toThrow('EIO')
  expect(readdirSync(directory)).toEqual([])
  await spool.spill(Infinity, 0)
  expect(synced).toEqual([directory, dirname(directory)])
  expect([spool.memoryBytes, readdirSync(directory).length]).toEqual([0, 1])
  await spool.close()
  rmSync(dirname(directory), { recursive: true })
})
