import { expect, it } from 'vitest'

import { everyField } from '../../test/fixtures/wire/every-field.js'
import { FromAgent } from '../../proto/gen/headroom/v1/agent.js'
import { Report, StorageHealth as WireHealth } from '../../proto/gen/headroom/v1/report.js'
import type { StorageHealth } from '../model/snapshot.js'
import { FieldCheck } from './field-check.js'
import { healthFromWire } from './health-from-wire.js'
import { reportFromWire } from './report-from-wire.js'

const at = 1_767_225_700_000
/** A draft is the message as JSON: any number, any text. */
function taken(draft: object, offsetMs = 0): { health: StorageHealth; refused: Record<string, number> } {
  const check = new FieldCheck()
  const wire = WireHealth.decode(WireHealth.encode(WireHealth.fromJSON(draft)).finish())
  return { health: healthFromWire(wire, { at, offsetMs }, check), refused: Object.fromEntries(check.refused) }
}

it('all that an agent says comes through as it is', () => {
  const { message } = FromAgent.decode(FromAgent.encode(everyField(at)).finish())
  if (message?.$case !== 'report') throw new Error('not a report')
  const check = new FieldCheck()
  const health = reportFromWire(message.value, check, { offsetMs: 0, now: at })?.storageHealth
  expect([...check.refused]).toEqual([])
  expect(health).toEqual({
    sources: [
      { name: 'md', state: 'read', reason: '', readAt: 1_767_225_600_104 },
      { name: 'smart', state: 'not-here', reason: 'no smartctl', readAt: undefined },
      { name: 'lvm', state: 'failed', reason: 'locked', readAt: undefined },
    ],
    mdArrays: [
      {
        device: 'md0',
        level: 'raid5',
        state: 'active',
        devices: 105,
        inSyncDevices: 104,
        members: [{ device: 'sda1', state: 'faulty' }],
        syncAction: 'recover',
        syncFraction: 0.106,
        syncBytesPerSecond: 107,
        syncPending: true,
        sizeBytes: 108,
      },
    ],
    raidControllers: [
      {
        number: 109,
        model: 'PERC',
        serial: 'controller-1',
        status: 'optimal',
        batteryKind: 'cachevault',
        batteryState: 'charging',
        virtualDrives: [
          {
            id: '0/1',
            name: 'data',
            level: 'raid6',
            state: 'degraded',
            writeCache: 'write-through',
            writeCacheConfigured: 'write-back',
          },
        ],
        physicalDrives: [
          {
            id: '32:1',
            model: 'drive model',
            state: 'rebuilding',
            rebuildFraction: 0.11,
            mediaErrors: 111,
            predictedFailures: 112,
            smartAlert: true,
          },
        ],
      },
    ],
    disks: [
      {
        device: 'sda',
        model: 'disk model',
        serial: 'disk-1',
        passed: false,
        reallocatedSectors: 113,
        pendingSectors: 114,
        uncorrectableSectors: 115,
        mediaErrors: 116,
        usedFraction: 1.17,
        spareFraction: 0.118,
        spareThresholdFraction: 0.119,
        criticalWarning: 120,
        temperatureCelsius: 121,
        powerOnHours: 122,
        asleep: true,
        problem: 'no answer',
      },
    ],
    pools: [
      {
        name: 'vg0/thin',
        kind: 'thin-pool',
        sizeBytes: 123,
        freeBytes: 124,
        dataFraction: 0.125,
        metadataFraction: 0.126,
        missingDevices: 127,
      },
    ],
  })
})

it('a report that tells nothing of it says nothing', () => {
  const report = Report.fromJSON({ spoolId: 's', seq: 1, hostId: 'h', atMs: at, lane: 1 })
  expect(reportFromWire(report, new FieldCheck(), { offsetMs: 0, now: at })).not.toHaveProperty('storageHealth')
})

it.each<[string, object, string, number]>([
  ['a source of another name', { sources: [{ name: 'zfs', state: 1 }] }, 'storage_source.name', 1],
  ['a source in no state', { sources: [{ name: 'md', state: 0 }] }, 'storage_source.state', 1],
  ['a source of a newer agent', { sources: [{ name: 'md', state: 99 }] }, 'storage_source.state', 1],
  ['an array without a name', { mdArrays: [{ state: 'active' }] }, 'md_array.device', 1],
  ['a share past 1', { mdArrays: [{ device: 'md0', syncFraction: 1.01 }] }, 'md_array.sync_fraction', 1],
  ['no number', { mdArrays: [{ device: 'md0', syncFraction: NaN }] }, 'md_array.sync_fraction', 1],
  ['too many devices', { mdArrays: [{ device: 'md0', devices: 1e6 }] }, 'md_array.devices', 1],
  ['a size past 2^53', { pools: [{ name: 'vg', sizeBytes: 2n ** 60n }] }, 'storage_pool.size_bytes', 1],
  ['more than all of a pool', { pools: [{ name: 'vg', dataFraction: 5 }] }, 'storage_pool.data_fraction', 1],
  [
    'a negative temperature',
    { disks: [{ device: 'sda', temperatureCelsius: -4 }] },
    'disk_health.temperature_celsius',
    1,
  ],
  ['the same twice', { disks: [{ device: 'sda' }, { device: 'sda' }] }, 'disk_health.device', 1],
  ['control characters', { disks: [{ device: 'sda', model: 'a\u001b[2J' }] }, 'disk_health.model', 1],
  [
    'a flood of arrays',
    { mdArrays: Array.from({ length: 300 }, (_, n) => ({ device: `md${n}` })) },
    'storage.md_arrays',
    1,
  ],
  [
    'a flood of drives',
    { raidControllers: [{ physicalDrives: Array.from({ length: 1100 }, (_, n) => ({ id: `${n}` })) }] },
    'raid_controller.physical_drives',
    1,
  ],
])('%s is left out and counted', (_what, draft, field, times) => {
  const { health, refused } = taken(draft)
  expect(refused).toEqual({ [field]: times })
  expect(health.mdArrays.length).toBeLessThanOrEqual(256)
  expect(health.mdArrays[0]?.syncFraction).toBeUndefined()
  expect(health.pools[0]?.dataFraction).toBeUndefined()
})

it('times are on our clock, and never after the report', () => {
  const readAt = (readAtMs: number, offsetMs: number): unknown =>
    taken({ sources: [{ name: 'md', state: 1, readAtMs }] }, offsetMs).health.sources[0]?.readAt
  expect(readAt(at - 5000, 1000)).toBe(at - 4000)
  expect(readAt(at + 5000, 0)).toBe(at)
  expect(readAt(5, -10)).toBe(0)
  expect(readAt(0, 1000)).toBeUndefined()
})
