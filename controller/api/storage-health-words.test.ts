import { expect, test } from 'vitest'

import {
  diskHealth,
  mdArray,
  physicalDrive,
  raidController,
  thinPool,
  volumeGroup,
} from '../../test/support/storage-health.js'
import type { StorageHealth } from '../model/snapshot.js'
import { badCount, batteryOf, drivesOf, inSyncOf, syncOf, usedOf, verdictOf } from './storage-health-words.js'
import { storageHealthViewOf } from './to-view/storage-health.js'

const nothing: StorageHealth = { sources: [], mdArrays: [], raidControllers: [], disks: [], pools: [] }
const view = (change: Partial<StorageHealth>) => storageHealthViewOf({ ...nothing, ...change })
const array = (change: Parameters<typeof mdArray>[0]) => view({ mdArrays: [mdArray(change)] }).mdArrays
const disk = (change: Parameters<typeof diskHealth>[0]) => view({ disks: [diskHealth(change)] }).disks

test.each([
  ['whole', { devices: 2, inSyncDevices: 2 }, '2 of 2', 'plain'],
  ['one is out', { devices: 2, inSyncDevices: 1 }, '1 of 2', 'critical'],
  ['not told', { devices: undefined, inSyncDevices: 1 }, '', 'plain'],
] as const)('an array: %s', (_what, change, text, tone) => {
  expect(array(change).map(inSyncOf)).toEqual([{ text, tone }])
})

test.each([
  ['nothing goes on', { syncAction: '' }, ''],
  ['it waits', { syncAction: 'recover', syncPending: true, syncFraction: 0.1 }, 'recover, waiting'],
  ['nearly done is not done', { syncAction: 'recover', syncFraction: 0.999 }, 'recover 99%'],
  ['with its pace', { syncAction: 'check', syncFraction: 0.126, syncBytesPerSecond: 34e6 }, 'check 12%, 34 MB/s'],
  ['how far is not known', { syncAction: 'reshape', syncFraction: undefined }, 'reshape'],
] as const)('synchronising: %s', (_what, change, text) => {
  expect(array(change).map(syncOf)).toEqual([text])
})

test.each([
  ['it passed', {}, 'passed', 'good'],
  ['it fails', { passed: false }, 'failing', 'critical'],
  ['it says nothing', { passed: undefined }, '', 'plain'],
  ['it sleeps', { asleep: true }, 'asleep', 'dim'],
  ['it could not be read', { problem: 'no answer' }, 'not read', 'warning'],
  ['it said that it fails, and cannot be read any more', { passed: false, problem: 'x' }, 'failing', 'critical'],
] as const)('a disk: %s', (_what, change, text, tone) => {
  expect(disk(change).map(verdictOf)).toEqual([{ text, tone }])
})

test('a count that is not known is no 0, and 0 is no warning', () => {
  expect([undefined, 0, 3].map(badCount)).toEqual([
    { text: '', tone: 'plain' },
    { text: '0', tone: 'plain' },
    { text: '3', tone: 'warning' },
  ])
})

test.each([
  ['thin pool', thinPool({ dataFraction: 0.5 }), 0.5],
  ['volume group', volumeGroup({ sizeBytes: 100, freeBytes: 25 }), 0.75],
  ['of which only the size is known', volumeGroup({ freeBytes: undefined }), undefined],
  ['of no size', volumeGroup({ sizeBytes: 0, freeBytes: 0 }), undefined],
] as const)('what is used of a pool: %s', (_what, pool, used) => {
  expect(view({ pools: [pool] }).pools.map(usedOf)).toEqual([used])
})

test('a controller: its battery and drives, with what is wrong with them', () => {
  const bare = { batteryKind: '', batteryState: '' }
  const drives = [physicalDrive({ state: 'rebuilding', rebuildFraction: 0.456, mediaErrors: 2, predictedFailures: 1 })]
  const controllers = view({
    raidControllers: [raidController({ physicalDrives: drives }), raidController({ number: 1, ...bare })],
  }).raidControllers
  expect(controllers.map(batteryOf)).toEqual([
    { text: 'bbu: optimal', tone: 'good' },
    { text: '', tone: 'plain' },
  ])
  expect(controllers.slice(0, 1).flatMap(drivesOf)).toEqual([
    { id: 'c0 0/239', kind: 'raid5', state: { text: 'optimal', tone: 'good' }, more: 'data, cache write-back' },
    {
      id: 'c0 32:0',
      kind: 'drive',
      state: { text: 'rebuilding 45%', tone: 'plain' },
      more: 'ST2000NM0135, 2 media errors, 1 predicted failures',
    },
  ])
})
