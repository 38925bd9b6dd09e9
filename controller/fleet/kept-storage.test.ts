import { expect, test } from 'vitest'

import { diskHealth, mdArray, storageHealth, thinPool } from '../../test/support/storage-health.js'
import type { StorageHealth, StorageSource } from '../model/snapshot.js'
import { storageAfter } from './kept-storage.js'

const disk = diskHealth({ pendingSectors: 3 })
const source = (change: Partial<StorageSource>): StorageSource[] => [
  { name: 'smart', state: 'read', reason: '', readAt: 5, ...change },
]
const read = storageHealth({ sources: source({}), disks: [disk] })
const away = storageHealth({ sources: source({ state: 'not-here', reason: 'no smartctl', readAt: undefined }) })
const lost: StorageSource[] = source({ state: 'failed', reason: 'it can no longer be read: no smartctl' })

test.each<[string, StorageHealth | undefined, StorageHealth, Partial<StorageHealth>]>([
  [
    'read again',
    read,
    storageHealth({ sources: source({ readAt: 9 }) }),
    { sources: source({ readAt: 9 }), disks: [] },
  ],
  ['was read, and is not here any more', read, away, { sources: lost, disks: [disk] }],
  ['never told before', undefined, away, { sources: away.sources, disks: [] }],
  ['never read', away, away, { sources: away.sources, disks: [] }],
  ['read, and told of nothing', { ...read, disks: [] }, away, { sources: away.sources, disks: [] }],
  ['failed before', { ...read, sources: source({ state: 'failed', reason: 'x' }) }, away, { sources: lost }],
])('a source that was %s', (_what, before, told, expected) => {
  expect(storageAfter(before, told)).toMatchObject(expected)
})

test('it stays so, whatever the others tell, until it is read', () => {
  const others = { mdArrays: [mdArray()], pools: [thinPool()] }
  const once = storageAfter(read, away)
  const twice = storageAfter(once, { ...away, ...others })
  expect(twice).toEqual({ ...away, ...others, sources: lost, disks: [disk] })
  const back = storageHealth({ sources: source({ readAt: 9 }) })
  expect(storageAfter(twice, back)).toBe(back)
})
