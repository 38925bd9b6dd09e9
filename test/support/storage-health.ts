import type {
  DiskHealth,
  MdArray,
  PhysicalDrive,
  RaidController,
  StorageHealth,
  StoragePool,
  VirtualDrive,
} from '../../controller/model/snapshot.js'
import { builtAt } from './snapshot-builder.js'

/** Storage that is well, for tests that change a part of it. */

export const mdArray = (change: Partial<MdArray> = {}): MdArray => ({
  device: 'md0',
  level: 'raid1',
  state: 'active',
  devices: 2,
  inSyncDevices: 2,
  members: [
    { device: 'sda1', state: 'active' },
    { device: 'sdb1', state: 'active' },
  ],
  syncAction: '',
  syncFraction: undefined,
  syncBytesPerSecond: undefined,
  syncPending: false,
  sizeBytes: 1e12,
  ...change,
})

export const virtualDrive = (change: Partial<VirtualDrive> = {}): VirtualDrive => ({
  id: '0/239',
  name: 'data',
  level: 'raid5',
  state: 'optimal',
  writeCache: 'write-back',
  writeCacheConfigured: 'write-back',
  ...change,
})

export const physicalDrive = (change: Partial<PhysicalDrive> = {}): PhysicalDrive => ({
  id: '32:0',
  model: 'ST2000NM0135',
  state: 'online',
  rebuildFraction: undefined,
  mediaErrors: 0,
  predictedFailures: 0,
  smartAlert: false,
  ...change,
})

export const raidController = (change: Partial<RaidController> = {}): RaidController => ({
  number: 0,
  model: 'PERC H730P',
  serial: '62H00P1',
  status: 'optimal',
  batteryKind: 'bbu',
  batteryState: 'optimal',
  virtualDrives: [virtualDrive()],
  physicalDrives: [physicalDrive()],
  ...change,
})

export const diskHealth = (change: Partial<DiskHealth> = {}): DiskHealth => ({
  device: 'sda',
  model: 'ST4000NM0035',
  serial: 'ZC1ABCDE',
  passed: true,
  reallocatedSectors: 0,
  pendingSectors: 0,
  uncorrectableSectors: 0,
  mediaErrors: 0,
  usedFraction: 0.1,
  spareFraction: 1,
  spareThresholdFraction: 0.1,
  criticalWarning: 0,
  temperatureCelsius: 31,
  powerOnHours: 40_000,
  asleep: false,
  problem: '',
  ...change,
})

export const thinPool = (change: Partial<StoragePool> = {}): StoragePool => ({
  name: 'vg0/thin',
  kind: 'thin-pool',
  sizeBytes: 1e12,
  freeBytes: undefined,
  dataFraction: 0.5,
  metadataFraction: 0.1,
  missingDevices: undefined,
  ...change,
})

export const volumeGroup = (change: Partial<StoragePool> = {}): StoragePool => ({
  name: 'vg0',
  kind: 'volume-group',
  sizeBytes: 1e12,
  freeBytes: 5e11,
  dataFraction: undefined,
  metadataFraction: undefined,
  missingDevices: 0,
  ...change,
})

export const storageHealth = (change: Partial<StorageHealth> = {}): StorageHealth => ({
  sources: (['md', 'raid-controller', 'smart', 'lvm'] as const).map((name) => ({
    name,
    state: 'read',
    reason: '',
    readAt: builtAt,
  })),
  mdArrays: [],
  raidControllers: [],
  disks: [],
  pools: [],
  ...change,
})
