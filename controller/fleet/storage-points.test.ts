import { expect, it } from 'vitest'

import { diskHealth, mdArray, storageHealth, thinPool, volumeGroup } from '../../test/support/storage-health.js'
import type { StorageHealth } from '../model/snapshot.js'
import { isField } from '../store/measurements.js'
import { storagePoints } from './storage-points.js'

function stored(health: StorageHealth): Record<string, object> {
  const points = storagePoints('h', health, 5)
  for (const { entity, atMs, fields } of points) {
    expect([entity.kind, atMs]).toEqual(['storage', 5])
    for (const field of Object.keys(fields)) expect(isField('storage', field)).toBe(true)
  }
  return Object.fromEntries(points.map(({ entity, fields }) => [entity.id, fields]))
}

const all: Partial<StorageHealth> = {
  mdArrays: [mdArray({ inSyncDevices: 1, syncFraction: 0.5 })],
  disks: [diskHealth({ pendingSectors: 2 })],
  pools: [volumeGroup({ freeBytes: 2.5e11 }), thinPool()],
}

it('what is known of each part', () => {
  expect(stored(storageHealth(all))).toEqual({
    'h/md/md0': { missingDevices: 1, syncFraction: 0.5 },
    'h/disk/sda': { badSectors: 2, mediaErrors: 0, wearFraction: 0.1 },
    'h/pool/vg0': { missingDevices: 0, sizeBytes: 1e12, dataFraction: 0.75 },
    'h/pool/vg0/thin': { sizeBytes: 1e12, dataFraction: 0.5, metadataFraction: 0.1 },
  })
})

it('nothing is 0 that is not known', () => {
  const disk = diskHealth({ pendingSectors: undefined, uncorrectableSectors: undefined, mediaErrors: undefined })
  const health = storageHealth({
    mdArrays: [mdArray({ devices: undefined, inSyncDevices: undefined })],
    disks: [{ ...disk, usedFraction: undefined }],
    pools: [volumeGroup({ sizeBytes: undefined, missingDevices: undefined })],
  })
  expect(stored(health)).toEqual({})
})

it('what was read before is not stored again: a source that fails, a disk that sleeps or does not answer', () => {
  const sources = storageHealth().sources.map((source) => ({ ...source, state: 'failed' as const }))
  expect(stored(storageHealth({ ...all, sources }))).toEqual({})
  expect(stored(storageHealth({ disks: [diskHealth({ asleep: true }), diskHealth({ problem: 'mute' })] }))).toEqual({})
})
