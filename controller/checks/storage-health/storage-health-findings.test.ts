import { describe, expect, it } from 'vitest'

import { policyOf } from '../../../test/support/policy-with.js'
import { buildSnapshot, hostIdOf } from '../../../test/support/snapshot-builder.js'
import {
  diskHealth,
  mdArray,
  physicalDrive,
  raidController,
  storageHealth,
  thinPool,
  virtualDrive,
  volumeGroup,
} from '../../../test/support/storage-health.js'
import type { DiskHealth, Host, MdArray, RaidController, StorageHealth, StoragePool } from '../../model/snapshot.js'
import type { SpaceTrends } from '../../model/space-trend.js'
import { storageSeries } from '../../model/storage-series.js'
import { fleetFindings } from '../fleet-findings.js'
import { storageHealthFindings } from './storage-health-findings.js'

const defaults = policyOf('')
const snapshotOf = (health: StorageHealth | undefined, more: Partial<Host> = {}) =>
  buildSnapshot({ hosts: [{ name: 'hv1', memoryMiB: 4096, more: { storageHealth: health, ...more } }], vms: [] })

/** `severity check part: message`, with `keep` in front of what raises nothing. */
function found(health: StorageHealth, policy = defaults, more: Partial<Host> = {}, trends?: SpaceTrends): string[] {
  return storageHealthFindings(snapshotOf(health, more), policy, trends).map(
    ({ strength, severity, check, subject, part, message }) =>
      `${strength === 'keep' ? 'keep ' : ''}${severity} ${check} ${subject.name} ${part}: ${message}`,
  )
}
const ofMd = (change: Partial<MdArray>): StorageHealth => storageHealth({ mdArrays: [mdArray(change)] })
const ofController = (change: Partial<RaidController>): StorageHealth =>
  storageHealth({ raidControllers: [raidController(change)] })
const ofDisk = (change: Partial<DiskHealth>): StorageHealth => storageHealth({ disks: [diskHealth(change)] })
const ofPools = (...pools: StoragePool[]): StorageHealth => storageHealth({ pools })

it('finds nothing where all is well, and on hosts that told nothing', () => {
  const well = storageHealth({
    mdArrays: [mdArray(), mdArray({ device: 'md1', level: 'raid0', devices: undefined, inSyncDevices: undefined })],
    raidControllers: [raidController()],
    disks: [diskHealth()],
    pools: [thinPool(), volumeGroup()],
  })
  expect(found(well)).toEqual([])
  expect(storageHealthFindings(snapshotOf(undefined), defaults)).toEqual([])
})

describe('raid-degraded', () => {
  const said = 'critical raid-degraded hv1'
  it.each<[string, StorageHealth, string[]]>([
    [
      'a member failed',
      ofMd({
        inSyncDevices: 1,
        members: [
          { device: 'sda1', state: 'active' },
          { device: 'sdb1', state: 'faulty' },
        ],
      }),
      [`${said} md0: md0 (raid1) has 1 of 2 devices in sync; failed: sdb1`],
    ],
    ['a member is gone', ofMd({ inSyncDevices: 1 }), [`${said} md0: md0 (raid1) has 1 of 2 devices in sync`]],
    [
      'not assembled',
      ofMd({ level: '', state: 'inactive', devices: undefined, inSyncDevices: undefined }),
      [`${said} md0: md0 is not assembled: its data cannot be reached`],
    ],
    ['a container is always inactive', ofMd({ level: 'container', state: 'inactive', inSyncDevices: undefined }), []],
    [
      'a stripe that lost a member',
      ofMd({ level: 'raid0', state: 'broken', devices: undefined, inSyncDevices: undefined }),
      [`${said} md0: md0 (raid0) has lost a device that it cannot do without`],
    ],
    ['how many are in sync was not told', ofMd({ inSyncDevices: undefined }), []],
    [
      'a virtual drive',
      ofController({ virtualDrives: [virtualDrive({ state: 'degraded' })] }),
      [`${said} c0 0/239: virtual drive c0 0/239 (data, raid5) is degraded`],
    ],
    [
      'a virtual drive of raid6',
      ofController({ virtualDrives: [virtualDrive({ name: '', level: 'raid6', state: 'partially-degraded' })] }),
      [`${said} c0 0/239: virtual drive c0 0/239 (raid6) is partially degraded`],
    ],
    [
      'a volume group',
      ofPools(volumeGroup({ missingDevices: 1 })),
      [`${said} vg0: volume group vg0 lacks 1 physical volume`],
    ],
  ])('%s', (_what, health, expected) => {
    expect(found(health)).toEqual(expected)
  })
})

describe('raid-rebuilding', () => {
  const said = 'warning raid-rebuilding hv1'
  it.each<[string, StorageHealth, string[]]>([
    [
      'resynchronised after a crash',
      ofMd({ syncAction: 'resync', syncFraction: 0.4599, syncBytesPerSecond: 1e8 }),
      [`${said} md0: md0 (raid1) is resynchronised, 45% done at 100 MB/s`],
    ],
    [
      'waiting',
      ofMd({ syncAction: 'recover', syncPending: true }),
      [`${said} md0: md0 (raid1) is rebuilt onto a device, and waits for its turn`],
    ],
    ['how far was not told', ofMd({ syncAction: 'reshape' }), [`${said} md0: md0 (raid1) is reshaped`]],
    ['the monthly check', ofMd({ syncAction: 'check', syncFraction: 0.5 }), []],
    [
      'a drive of a controller',
      ofController({ physicalDrives: [physicalDrive({ state: 'rebuilding', rebuildFraction: 0.07 })] }),
      [`${said} c0 32:0: drive c0 32:0 is rebuilding, 7% done`],
    ],
  ])('%s', (_what, health, expected) => {
    expect(found(health)).toEqual(expected)
  })
})

describe('raid-controller', () => {
  const said = (severity: string, part: string, message: string): string =>
    `${severity} raid-controller hv1 c0 ${part}: controller c0 (PERC H730P): ${message}`
  const always = virtualDrive({ writeCache: 'write-back-always', writeCacheConfigured: 'write-back-always' })

  it.each<[string, StorageHealth, string[]]>([
    [
      'the battery failed',
      ofController({ batteryState: 'failed' }),
      [said('warning', 'battery', 'its battery is failed')],
    ],
    [
      'and writes are cached all the same',
      ofController({ batteryState: 'failed', virtualDrives: [always] }),
      [said('critical', 'battery', 'its battery is failed, and writes are cached all the same')],
    ],
    [
      'a CacheVault that charges',
      ofController({ batteryKind: 'cachevault', batteryState: 'charging' }),
      [said('warning', 'battery', 'its CacheVault is charging')],
    ],
    ['no battery', ofController({ batteryKind: '', batteryState: '' }), []],
    [
      'the write cache is off',
      ofController({ virtualDrives: [virtualDrive({ writeCache: 'write-through' })] }),
      [
        said(
          'warning',
          'cache 0/239',
          'the write cache of virtual drive 0/239 is off (write-through), though configured as write-back',
        ),
      ],
    ],
    [
      'off on purpose',
      ofController({
        virtualDrives: [virtualDrive({ writeCache: 'write-through', writeCacheConfigured: 'write-through' })],
      }),
      [],
    ],
    [
      'how it is configured was not told',
      ofController({ virtualDrives: [virtualDrive({ writeCache: 'write-through', writeCacheConfigured: '' })] }),
      [],
    ],
    [
      'a drive failed',
      ofController({ physicalDrives: [physicalDrive({ state: 'failed' })] }),
      [said('warning', '32:0', 'drive 32:0 (ST2000NM0135) is failed')],
    ],
    ['a spare', ofController({ physicalDrives: [physicalDrive({ state: 'global-hot-spare' })] }), []],
    [
      'it says so of itself alone',
      ofController({ status: 'needs-attention' }),
      [said('warning', 'status', 'it says of itself: needs-attention')],
    ],
    ['its status was not told', ofController({ status: '' }), []],
  ])('%s', (_what, health, expected) => {
    expect(found(health)).toEqual(expected)
  })
})

describe('disk-failing', () => {
  const said = (severity: string, signs: string): string[] => [
    `${severity} disk-failing hv1 sda: disk sda (ST4000NM0035, ZC1ABCDE): ${signs}`,
  ]
  const unknown: Partial<DiskHealth> = {
    passed: undefined,
    pendingSectors: undefined,
    uncorrectableSectors: undefined,
    reallocatedSectors: undefined,
    mediaErrors: undefined,
    usedFraction: undefined,
    spareFraction: undefined,
    criticalWarning: undefined,
  }

  it.each<[string, StorageHealth, string[]]>([
    ['its own verdict', ofDisk({ passed: false }), said('critical', 'it says itself that it is failing')],
    [
      'bad sectors, all in one',
      ofDisk({ pendingSectors: 2, uncorrectableSectors: 1, reallocatedSectors: 51 }),
      said('warning', '2 unreadable sectors, 1 uncorrectable sector, 51 reallocated sectors'),
    ],
    ['some reallocated sectors', ofDisk({ reallocatedSectors: 50 }), []],
    ['media errors', ofDisk({ mediaErrors: 1 }), said('warning', '1 media error')],
    ['worn', ofDisk({ usedFraction: 1.03 }), said('warning', '103% of its rated life is used')],
    ['little spare', ofDisk({ spareFraction: 0.15 }), said('warning', '15% of its spare blocks are left')],
    [
      'too little spare',
      ofDisk({ spareFraction: 0.05, criticalWarning: 1 }),
      said('critical', 'spare blocks are below its threshold, 5% of its spare blocks are left'),
    ],
    ['hot', ofDisk({ criticalWarning: 2 }), said('warning', 'its temperature is out of bounds')],
    ['read-only', ofDisk({ criticalWarning: 8 }), said('critical', 'it has become read-only')],
    ['nothing is known of it', ofDisk(unknown), []],
    ['it is gone', ofDisk({ problem: 'no answer' }), said('warning', 'it cannot be read any more (no answer)')],
    ['it never could be read', ofDisk({ ...unknown, serial: '', problem: 'Permission denied' }), []],
    [
      'behind a controller',
      ofController({ physicalDrives: [physicalDrive({ mediaErrors: 12, predictedFailures: 3, smartAlert: true })] }),
      [
        'critical disk-failing hv1 c0 32:0: disk c0 32:0 (ST2000NM0135): it says itself that it is failing, 3 predicted failures, 12 media errors',
      ],
    ],
    [
      'behind a controller, not told',
      ofController({
        physicalDrives: [
          physicalDrive({ mediaErrors: undefined, predictedFailures: undefined, smartAlert: undefined }),
        ],
      }),
      [],
    ],
  ])('%s', (_what, health, expected) => {
    expect(found(health)).toEqual(expected)
  })

  it('by the limits of the policy', () => {
    const policy = policyOf('thresholds: { disk-failing: { pendingAbove: 5, usedAbove: 50% } }')
    expect(found(ofDisk({ pendingSectors: 5, usedFraction: 0.5 }), policy)).toEqual(
      said('warning', '50% of its rated life is used'),
    )
  })
})

describe('pool-space', () => {
  const said = (severity: string, part: string, message: string): string =>
    `${severity} pool-space hv1 ${part}: ${message}`
  const data = 'thin pool vg0/thin is'

  it.each<[string, StorageHealth, string[]]>([
    ['below', ofPools(thinPool({ dataFraction: 0.81 })), []],
    ['nearly', ofPools(thinPool({ dataFraction: 0.83 })), [said('keep warning', 'vg0/thin data', `${data} 83% full`)]],
    ['data', ofPools(thinPool({ dataFraction: 0.85 })), [said('warning', 'vg0/thin data', `${data} 85% full`)]],
    [
      'nearly full',
      ofPools(thinPool({ dataFraction: 0.999 })),
      [said('critical', 'vg0/thin data', `${data} 99% full`)],
    ],
    [
      'metadata',
      ofPools(thinPool({ metadataFraction: 0.8 })),
      [said('critical', 'vg0/thin metadata', `${data} 80% full of metadata`)],
    ],
    ['not active', ofPools(thinPool({ dataFraction: undefined, metadataFraction: undefined })), []],
    [
      'a volume group',
      ofPools(volumeGroup({ freeBytes: 0 })),
      [said('info', 'vg0 volumes', 'volume group vg0 is 100% full')],
    ],
    ['that a thin pool fills', ofPools(volumeGroup({ freeBytes: 0 }), thinPool()), []],
    ['of which nothing is known', ofPools(volumeGroup({ freeBytes: undefined })), []],
  ])('%s', (_what, health, expected) => {
    expect(found(health)).toEqual(expected)
  })

  const day = 86_400_000
  /** Of a pool of 1 TB. */
  const fills = (gigabytesPerDay: number, isRecentKnown = true): SpaceTrends => {
    const trends = [{ bytesPerDay: gigabytesPerDay * 1e9, overMs: 7 * day }]
    return new Map([[storageSeries.pool(hostIdOf('hv1'), 'vg0/thin'), { trends, isRecentKnown }]])
  }
  it.each<[string, number, SpaceTrends, string[]]>([
    [
      'and will be in days',
      0.5,
      fills(100),
      ['warning: thin pool vg0/thin is 50% full; full in 5d at 100 GB a day, as in the last 7d; 500 GB available'],
    ],
    [
      'and will be within a day',
      0.7,
      fills(400),
      ['critical: thin pool vg0/thin is 70% full; full in 18h at 400 GB a day, as in the last 7d; 300 GB available'],
    ],
    [
      'and will be, later',
      0.5,
      fills(65),
      [
        'keep warning: thin pool vg0/thin is 50% full; full in 7d 16h at 65 GB a day, as in the last 7d; 500 GB available',
      ],
    ],
    ['and will be much later', 0.5, fills(50), []],
    ['and empties', 0.5, fills(-50), []],
    ['and how it fills is not known yet', 0.5, new Map(), ['keep warning: thin pool vg0/thin is 50% full']],
    ['and its last minutes are not known', 0.5, fills(0, false), ['keep warning: thin pool vg0/thin is 50% full']],
    ['and nearly full by now', 0.9, fills(-1), ['warning: thin pool vg0/thin is 90% full']],
    ['and nearly full, with how it fills not known', 0.9, new Map(), ['warning: thin pool vg0/thin is 90% full']],
    [
      'and nearly full, and soon whole',
      0.9,
      fills(200),
      ['critical: thin pool vg0/thin is 90% full; full in 12h at 200 GB a day, as in the last 7d; 100 GB available'],
    ],
  ])('a thin pool that is not full %s', (_what, dataFraction, trends, expected) => {
    const said = found(ofPools(thinPool({ dataFraction })), defaults, {}, trends)
    expect(said.map((one) => one.replace(' pool-space hv1 vg0/thin data', ''))).toEqual(expected)
  })

  it('looks again when it is known how a pool fills', () => {
    const health = ofPools(thinPool({ dataFraction: 0.5 }))
    expect(found(health, defaults, {}, fills(0))).toEqual([])
    expect(found(health, defaults, {}, fills(100))).toHaveLength(1)
    const policy = policyOf('thresholds: { pool-space: { left: 2d } }')
    expect(found(health, policy, {}, fills(100))).toEqual([])
  })
})

describe('evidence: series that are stored, with figure and limit', () => {
  const series = (part: string, field: string, value: number, limit?: number) => ({
    entityKind: 'storage',
    entityId: `id-hv1/${part}`,
    field,
    value,
    limit,
  })

  it.each<[string, StorageHealth, object[]]>([
    ['a degraded array', ofMd({ inSyncDevices: 1 }), [series('md/md0', 'missingDevices', 1, 0)]],
    ['a stripe', ofMd({ state: 'broken', devices: undefined, inSyncDevices: undefined }), []],
    [
      'a rebuild',
      ofMd({ syncAction: 'resync', syncFraction: 0.5 }),
      [series('md/md0', 'syncFraction', 0.5, undefined)],
    ],
    ['a volume group', ofPools(volumeGroup({ missingDevices: 2 })), [series('pool/vg0', 'missingDevices', 2, 0)]],
    ['a thin pool', ofPools(thinPool({ dataFraction: 0.9 })), [series('pool/vg0/thin', 'dataFraction', 0.9, 0.85)]],
    [
      'its metadata',
      ofPools(thinPool({ metadataFraction: 0.9 })),
      [series('pool/vg0/thin', 'metadataFraction', 0.9, 0.8)],
    ],
    [
      'a disk: bad sectors once, however many kinds',
      ofDisk({ pendingSectors: 2, uncorrectableSectors: 1, mediaErrors: 4, usedFraction: 0.95 }),
      [
        series('disk/sda', 'badSectors', 3, 0),
        series('disk/sda', 'mediaErrors', 4, 0),
        series('disk/sda', 'wearFraction', 0.95, 0.9),
      ],
    ],
    ['a verdict is no figure', ofDisk({ passed: false }), []],
  ])('%s', (_what, health, expected) => {
    const findings = storageHealthFindings(snapshotOf(health), defaults)
    expect(findings.flatMap(({ evidence }) => evidence)).toEqual(expected)
  })
})

describe('what was read before', () => {
  const degraded = ofMd({ inSyncDevices: 1 })
  const kept = ['keep critical raid-degraded hv1 md0: md0 (raid1) has 1 of 2 devices in sync']
  const failed: StorageHealth = {
    ...degraded,
    sources: degraded.sources.map((source) => (source.name === 'md' ? { ...source, state: 'failed' } : source)),
  }

  it('raises nothing and ends nothing while its source fails', () => {
    expect(found(failed)).toEqual(kept)
  })

  it('nor while the host is silent', () => {
    expect(found(degraded)).toEqual(kept.map((text) => text.replace('keep ', '')))
    expect(found(degraded, defaults, { status: 'silent' })).toEqual(kept)
    expect(found(degraded, defaults, { name: 'hv2' })).toEqual([
      'critical raid-degraded hv2 md0: md0 (raid1) has 1 of 2 devices in sync',
    ])
  })

  it('by the policy that is in force now', () => {
    const pools = ofPools(thinPool({ dataFraction: 0.6 }))
    expect(found(pools)).toEqual([])
    expect(found(pools, policyOf('thresholds: { pool-space: { above: 50% } }'))).toHaveLength(1)
    expect(found(pools)).toEqual([])
  })
})

it('counts among the findings of the fleet, and can be excepted', () => {
  const snapshot = snapshotOf(ofMd({ inSyncDevices: 1 }))
  const of = (text: string) => fleetFindings(snapshot, policyOf(text))
  expect(of('').stands.map(({ check }) => check)).toContain('raid-degraded')
  const { stands, excepted } = of('exceptions: [{ host: hv1, rule: raid-degraded, reason: a spare is on its way }]')
  expect(stands.map(({ check }) => check)).not.toContain('raid-degraded')
  expect(excepted.map(({ finding }) => finding.message)).toEqual(['md0 (raid1) has 1 of 2 devices in sync'])
})
