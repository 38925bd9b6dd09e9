import {
  StorageSourceState,
  type DiskHealth as WireDisk,
  type MdArray as WireMdArray,
  type PhysicalDrive as WirePhysicalDrive,
  type RaidController as WireController,
  type StorageHealth as WireHealth,
  type StoragePool as WirePool,
  type StorageSource as WireSource,
  type VirtualDrive as WireVirtualDrive,
} from '../../proto/gen/headroom/v1/report.js'
import type {
  DiskHealth,
  MdArray,
  PhysicalDrive,
  RaidController,
  StorageHealth,
  StoragePool,
  StorageSource,
  StorageSourceName,
  VirtualDrive,
} from '../model/snapshot.js'
import type { FieldCheck } from './field-check.js'

/** Bounds of what one host may say of its storage. */
const most = {
  sources: 16,
  mdArrays: 256,
  members: 256,
  controllers: 32,
  drives: 1024,
  disks: 1024,
  pools: 1024,
} as const
const mostDevices = 65_536
const hottestCelsius = 250
/** A byte of per cent: what NVMe counts wear in. */
const mostUsed = 2.55

const states: Readonly<Record<StorageSourceState, StorageSource['state'] | undefined>> = {
  [StorageSourceState.STORAGE_SOURCE_STATE_UNSPECIFIED]: undefined,
  [StorageSourceState.STORAGE_SOURCE_STATE_READ]: 'read',
  [StorageSourceState.STORAGE_SOURCE_STATE_NOT_HERE]: 'not-here',
  [StorageSourceState.STORAGE_SOURCE_STATE_FAILED]: 'failed',
  [StorageSourceState.UNRECOGNIZED]: undefined,
}
const names: ReadonlyMap<string, StorageSourceName> = new Map(
  (['md', 'raid-controller', 'smart', 'lvm'] as const).map((name) => [name, name]),
)

/** The health of a host's storage. `at` is the report's time, and the latest that anything can have been read. */
export function healthFromWire(
  health: WireHealth,
  { at, offsetMs }: { readonly at: number; readonly offsetMs: number },
  check: FieldCheck,
): StorageHealth {
  return {
    sources: check.unique(
      'storage_source.name',
      check
        .list('storage.sources', health.sources, most.sources)
        .flatMap((source) => sourceFromWire(source, { at, offsetMs }, check)),
      ({ name }) => name,
    ),
    mdArrays: check.unique(
      'md_array.device',
      check.list('storage.md_arrays', health.mdArrays, most.mdArrays).flatMap((one) => mdArrayFromWire(one, check)),
      ({ device }) => device,
    ),
    raidControllers: check.unique(
      'raid_controller.number',
      check
        .list('storage.raid_controllers', health.raidControllers, most.controllers)
        .map((one) => controllerFromWire(one, check)),
      ({ number }) => String(number),
    ),
    disks: check.unique(
      'disk_health.device',
      check.list('storage.disks', health.disks, most.disks).flatMap((one) => diskFromWire(one, check)),
      ({ device }) => device,
    ),
    pools: check.unique(
      'storage_pool.name',
      check.list('storage.pools', health.pools, most.pools).flatMap((one) => poolFromWire(one, check)),
      ({ name }) => name,
    ),
  }
}

function sourceFromWire(
  source: WireSource,
  { at, offsetMs }: { readonly at: number; readonly offsetMs: number },
  check: FieldCheck,
): StorageSource[] {
  const name = names.get(source.name) ?? check.refuse('storage_source.name')
  const state = states[source.state] ?? check.refuse('storage_source.state')
  if (name === undefined || state === undefined) return []
  const readAt = check.count('storage_source.read_at_ms', source.readAtMs)
  return [
    {
      name,
      state,
      reason: check.text('storage_source.reason', source.reason, 512),
      readAt: readAt === undefined || readAt === 0 ? undefined : Math.max(0, Math.min(at, readAt + offsetMs)),
    },
  ]
}

function mdArrayFromWire(array: WireMdArray, check: FieldCheck): MdArray[] {
  const device = check.key('md_array.device', array.device, 64)
  if (device === undefined) return []
  return [
    {
      device,
      level: check.text('md_array.level', array.level, 32),
      state: check.text('md_array.state', array.state, 32),
      devices: check.real('md_array.devices', array.devices, mostDevices),
      inSyncDevices: check.real('md_array.in_sync_devices', array.inSyncDevices, mostDevices),
      members: check.list('md_array.members', array.members, most.members).map((member) => ({
        device: check.text('md_member.device', member.device, 128),
        state: check.text('md_member.state', member.state, 32),
      })),
      syncAction: check.text('md_array.sync_action', array.syncAction, 32),
      syncFraction: check.real('md_array.sync_fraction', array.syncFraction, 1),
      syncBytesPerSecond: check.count('md_array.sync_bytes_per_second', array.syncBytesPerSecond),
      syncPending: array.syncPending,
      sizeBytes: check.count('md_array.size_bytes', array.sizeBytes),
    },
  ]
}

function controllerFromWire(controller: WireController, check: FieldCheck): RaidController {
  return {
    number: controller.number,
    model: check.text('raid_controller.model', controller.model, 128),
    serial: check.text('raid_controller.serial', controller.serial, 128),
    status: check.text('raid_controller.status', controller.status, 64),
    batteryKind: check.text('raid_controller.battery_kind', controller.batteryKind, 32),
    batteryState: check.text('raid_controller.battery_state', controller.batteryState, 64),
    virtualDrives: check.unique(
      'virtual_drive.id',
      check
        .list('raid_controller.virtual_drives', controller.virtualDrives, most.drives)
        .flatMap((drive) => virtualDriveFromWire(drive, check)),
      ({ id }) => id,
    ),
    physicalDrives: check.unique(
      'physical_drive.id',
      check
        .list('raid_controller.physical_drives', controller.physicalDrives, most.drives)
        .flatMap((drive) => physicalDriveFromWire(drive, check)),
      ({ id }) => id,
    ),
  }
}

function virtualDriveFromWire(drive: WireVirtualDrive, check: FieldCheck): VirtualDrive[] {
  const id = check.key('virtual_drive.id', drive.id, 32)
  if (id === undefined) return []
  return [
    {
      id,
      name: check.text('virtual_drive.name', drive.name, 128),
      level: check.text('virtual_drive.level', drive.level, 32),
      state: check.text('virtual_drive.state', drive.state, 64),
      writeCache: check.text('virtual_drive.write_cache', drive.writeCache, 32),
      writeCacheConfigured: check.text('virtual_drive.write_cache_configured', drive.writeCacheConfigured, 32),
    },
  ]
}

function physicalDriveFromWire(drive: WirePhysicalDrive, check: FieldCheck): PhysicalDrive[] {
  const id = check.key('physical_drive.id', drive.id, 32)
  if (id === undefined) return []
  return [
    {
      id,
      model: check.text('physical_drive.model', drive.model, 128),
      state: check.text('physical_drive.state', drive.state, 64),
      rebuildFraction: check.real('physical_drive.rebuild_fraction', drive.rebuildFraction, 1),
      mediaErrors: check.count('physical_drive.media_errors', drive.mediaErrors),
      predictedFailures: check.count('physical_drive.predicted_failures', drive.predictedFailures),
      smartAlert: drive.smartAlert,
    },
  ]
}

function diskFromWire(disk: WireDisk, check: FieldCheck): DiskHealth[] {
  const device = check.key('disk_health.device', disk.device, 128)
  if (device === undefined) return []
  return [
    {
      device,
      model: check.text('disk_health.model', disk.model, 128),
      serial: check.text('disk_health.serial', disk.serial, 128),
      passed: disk.passed,
      reallocatedSectors: check.count('disk_health.reallocated_sectors', disk.reallocatedSectors),
      pendingSectors: check.count('disk_health.pending_sectors', disk.pendingSectors),
      uncorrectableSectors: check.count('disk_health.uncorrectable_sectors', disk.uncorrectableSectors),
      mediaErrors: check.count('disk_health.media_errors', disk.mediaErrors),
      usedFraction: check.real('disk_health.used_fraction', disk.usedFraction, mostUsed),
      spareFraction: check.real('disk_health.spare_fraction', disk.spareFraction, 1),
      spareThresholdFraction: check.real('disk_health.spare_threshold_fraction', disk.spareThresholdFraction, 1),
      criticalWarning: check.real('disk_health.critical_warning', disk.criticalWarning, 255),
      temperatureCelsius: check.real('disk_health.temperature_celsius', disk.temperatureCelsius, hottestCelsius),
      powerOnHours: check.count('disk_health.power_on_hours', disk.powerOnHours),
      asleep: disk.asleep,
      problem: check.text('disk_health.problem', disk.problem, 512),
    },
  ]
}

function poolFromWire(pool: WirePool, check: FieldCheck): StoragePool[] {
  const name = check.key('storage_pool.name', pool.name, 256)
  if (name === undefined) return []
  return [
    {
      name,
      kind: check.text('storage_pool.kind', pool.kind, 32),
      sizeBytes: check.count('storage_pool.size_bytes', pool.sizeBytes),
      freeBytes: check.count('storage_pool.free_bytes', pool.freeBytes),
      dataFraction: check.real('storage_pool.data_fraction', pool.dataFraction, 1),
      metadataFraction: check.real('storage_pool.metadata_fraction', pool.metadataFraction, 1),
      missingDevices: check.real('storage_pool.missing_devices', pool.missingDevices, mostDevices),
    },
  ]
}
