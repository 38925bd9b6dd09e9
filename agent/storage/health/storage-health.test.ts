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

test('each source at its own beat: one that hangs holds up no other, once all were read', async () => {
  let [level, isHanging] = ['raid1', false]
  const reader = new StorageHealthReader({
    collectors: [
      collector('md', async () => ({
        md: [{ device: 'md0', level, state: 'active', members: [], syncPending: false }],
      })),
      collector('smart', async () => (isHanging ? new Promise(() => undefined) : { smart: [] })),
    ],
    intervalMs: 300,
    intervalsMs: { md: 60 },
    deadlineMs: 60_000,
    now: () => 1,
  })
  const [md, smart] = reader.lanes
  expect(reader.lanes.map(({ intervalMs }) => intervalMs)).toEqual([60, 300])
  await md?.refresh(never)
  expect(reader.latest).toBeUndefined()
  await smart?.refresh(never)
  expect(reader.latest?.sources.map(({ name, state }) => [name, state])).toEqual([
    ['md', 'read'],
    ['smart', 'read'],
  ])
  isHanging = true
  const end = new AbortController()
  const hanging = smart?.refresh(end.signal)
  level = 'raid5'
  await md?.refresh(never)
  expect(reader.latest?.items.md).toMatchObject([{ level: 'raid5' }])
  expect(reader.runs.map(({ name }) => name)).toEqual(['health-md', 'health-smart'])
  end.abort()
  await hanging
})
