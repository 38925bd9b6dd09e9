import { StorageSourceState, type StorageHealth } from '../../proto/gen/headroom/v1/report.js'
import type { RaidControllerRaw, SourceStatusRaw, StorageHealthRaw } from '../storage/health/health-raw.js'
import { smallIf, whole, wholeIf } from './to-wire.js'

const stateToWire = {
  read: StorageSourceState.STORAGE_SOURCE_STATE_READ,
  'not-here': StorageSourceState.STORAGE_SOURCE_STATE_NOT_HERE,
  failed: StorageSourceState.STORAGE_SOURCE_STATE_FAILED,
} as const satisfies Record<SourceStatusRaw['state'], StorageSourceState>

/** The health of the machine's storage as the report has it. */
export function healthToWire({ sources, items }: StorageHealthRaw): StorageHealth {
  return {
    sources: sources.map(({ name, state, reason, readAtMs = 0 }) => ({
      name,
      state: stateToWire[state],
      reason,
      readAtMs: whole(readAtMs),
    })),
    mdArrays: items.md.map((array) => ({
      device: array.device,
      level: array.level,
      state: array.state,
      devices: smallIf(array.devices),
      inSyncDevices: smallIf(array.inSyncDevices),
      members: array.members.map((member) => ({ ...member })),
      syncAction: array.syncAction ?? '',
      syncFraction: array.syncFraction,
      syncBytesPerSecond: wholeIf(array.syncBytesPerSecond),
      sizeBytes: wholeIf(array.sizeBytes),
      syncPending: array.syncPending,
    })),
    raidControllers: items['raid-controller'].map(controllerToWire),
    disks: items.smart.map((disk) => ({
      device: disk.device,
      model: disk.model,
      serial: disk.serial,
      passed: disk.passed,
      reallocatedSectors: wholeIf(disk.reallocatedSectors),
      pendingSectors: wholeIf(disk.pendingSectors),
      uncorrectableSectors: wholeIf(disk.uncorrectableSectors),
      mediaErrors: wholeIf(disk.mediaErrors),
      usedFraction: disk.usedFraction,
      spareFraction: disk.spareFraction,
      spareThresholdFraction: disk.spareThresholdFraction,
      criticalWarning: smallIf(disk.criticalWarning),
      temperatureCelsius: disk.temperatureCelsius,
      powerOnHours: wholeIf(disk.powerOnHours),
      asleep: disk.asleep,
      problem: disk.problem ?? '',
    })),
    pools: items.lvm.map((pool) => ({
      name: pool.name,
      kind: pool.kind,
      sizeBytes: wholeIf(pool.sizeBytes),
      freeBytes: wholeIf(pool.freeBytes),
      dataFraction: pool.dataFraction,
      metadataFraction: pool.metadataFraction,
      missingDevices: smallIf(pool.missingDevices),
    })),
  }
}

function controllerToWire(controller: RaidControllerRaw): StorageHealth['raidControllers'][number] {
  return {
    number: controller.number,
    model: controller.model,
    serial: controller.serial,
    status: controller.status,
    batteryKind: controller.battery?.kind ?? '',
    batteryState: controller.battery?.state ?? '',
    virtualDrives: controller.virtualDrives.map(
      ({ id, name, level, state, writeCache = '', writeCacheConfigured = '' }) => ({
        id,
        name,
        level,
        state,
        writeCache,
        writeCacheConfigured,
      }),
    ),
    physicalDrives: controller.physicalDrives.map((drive) => ({
      id: drive.id,
      model: drive.model,
      state: drive.state,
      rebuildFraction: drive.rebuildFraction,
      mediaErrors: wholeIf(drive.mediaErrors),
      predictedFailures: wholeIf(drive.predictedFailures),
      smartAlert: drive.smartAlert,
    })),
  }
}
