import { expect, test } from 'vitest'

import type { HealthItems } from './health-raw.js'
import { NotHere, StorageHealthReader, type HealthCollector } from './storage-health.js'

const never = new AbortController().signal
const pool = { name: 'vg0', kind: 'volume-group' } as const
const collector = (name: HealthCollector['name'], collect: () => Promise<Partial<HealthItems>>): HealthCollector => ({
  name,
  unavailable: async () => undefined,
  collect,
})

test('each source for itself: one is read, one is not here, one fails and is told as it was, for an hour', async () => {
  let nowMs = 1000
  let fails = false
  const reader = new StorageHealthReader({
    collectors: [
      collector('md', () => Promise.reject(new NotHere('no md'))),
      { ...collector('smart', () => Promise.reject(new Error('never asked'))), unavailable: async () => 'no program' },
      collector('lvm', async () => {
        if (fails) throw new Error('vgs: exit status 5')
        return { lvm: [pool] }
      }),
    ],
    intervalMs: 1,
    deadlineMs: 1000,
    now: () => nowMs,
  })
  expect(reader.latest).toBeUndefined()
  await reader.refresh(never)
  expect(reader.latest).toEqual({
    sources: [
      { name: 'md', state: 'not-here', reason: 'no md' },
      { name: 'smart', state: 'not-here', reason: 'no program' },
      { name: 'lvm', state: 'read', reason: '', readAtMs: 1000 },
    ],
    items: { md: [], 'raid-controller': [], smart: [], lvm: [pool] },
  })
  fails = true
  nowMs += 3_600_000
  await reader.refresh(never)
  const failed = { name: 'lvm', state: 'failed', reason: 'vgs: exit status 5' }
  expect(reader.latest?.sources[2]).toEqual({ ...failed, readAtMs: 1000 })
  expect(reader.latest?.items.lvm).toEqual([pool])
  expect(reader.runs.map(({ name, success }) => [name, success])).toEqual([
    ['health-md', true],
    ['health-smart', true],
    ['health-lvm', false],
  ])
  nowMs += 1
  await reader.refresh(never)
  expect(reader.latest?.sources[2]).toEqual(failed)
  expect(reader.latest?.items.lvm).toEqual([])
})

test('one that hangs costs its own figures, and is not started again', async () => {
  let starts = 0
  const reader = new StorageHealthReader({
    collectors: [
      collector('smart', () => {
        starts += 1
        return new Promise(() => undefined)
      }),
      collector('lvm', async () => ({ lvm: [pool] })),
    ],
    intervalMs: 1,
    deadlineMs: 20,
    now: () => 1,
  })
  await reader.refresh(never)
  await reader.refresh(never)
  expect(starts).toBe(1)
  expect(reader.latest?.items.lvm).toEqual([pool])
  expect(reader.latest?.sources[0]).toMatchObject({
    state: 'failed',
    reason: 'skipped: still running from an earlier pass',
  })
})
