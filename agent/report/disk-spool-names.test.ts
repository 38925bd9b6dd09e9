import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { expect, it, vi } from 'vitest'

import { DiskSpool } from './disk-spool.js'
import { SegmentCache } from './segment-cache.js'

/** How many more times a directory cannot be made durable, and which were. */
const disk = vi.hoisted(() => ({ failures: 0, synced: new Array<string>() }))

vi.mock(import('../../common/durable-file.js'), async (original) => {
  const real = await original()
  return {
    ...real,
    async syncDirectory(path: string) {
      if (disk.failures-- > 0) throw new Error('EIO')
      await real.syncDirectory(path)
      disk.synced.push(path)
    },
  }
})

it('a file whose name could not be made durable is not written to: it is made anew', async () => {
  const directory = join(mkdtempSync(join(tmpdir(), 'headroom-names-')), 's')
  const spool = new DiskSpool('s', directory, new SegmentCache(0))
  spool.add(() => Buffer.from('a'), 0)
  disk.failures = 1
  await expect(spool.spill(Infinity, 0)).rejects.toThrow('EIO')
  expect(readdirSync(directory)).toEqual([])
  await spool.spill(Infinity, 0)
  expect(disk.synced).toEqual([directory, dirname(directory)])
  expect([spool.memoryBytes, readdirSync(directory).length]).toEqual([0, 1])
  await spool.close()
  rmSync(dirname(directory), { recursive: true })
})
