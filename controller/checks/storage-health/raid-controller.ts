import type { Finding, Severity } from '../../model/finding.js'
import type { PhysicalDrive, RaidController, VirtualDrive } from '../../model/snapshot.js'
import { saidBy, type HostStorage } from './host-storage.js'

interface Problem {
  readonly severity: Severity
  /** Of the controller: the battery, a drive. */
  readonly part: string
  readonly message: string
}

/** What ails RAID controllers, besides arrays that lack drives. */
export function raidController(storage: HostStorage): Finding[] {
  return storage.health.raidControllers.flatMap((controller) =>
    problemsOf(controller).map(({ severity, part, message }) =>
      saidBy(storage, 'raid-controller', {
        check: 'raid-controller',
        severity,
        part: `c${controller.number} ${part}`,
        message: `controller c${controller.number} (${controller.model}): ${message}`,
      }),
    ),
  )
}

function problemsOf(controller: RaidController): Problem[] {
  const problems = [
    ...ofBattery(controller),
    ...controller.virtualDrives.flatMap(ofWriteCache),
    ...controller.physicalDrives.flatMap(ofDrive),
  ]
  const { status } = controller
  // It says so of itself for what is told in detail, too.
  const isUnwell = status !== '' && status !== 'optimal' && problems.length === 0
  return isUnwell && !hasArrayTrouble(controller)
    ? [{ severity: 'warning', part: 'status', message: `it says of itself: ${status}` }]
    : problems
}

function hasArrayTrouble({ virtualDrives }: RaidController): boolean {
  return virtualDrives.some(({ state }) => state !== 'optimal')
}

/** Without it a power cut takes what is in the write cache, unless the cache is off meanwhile. */
function ofBattery({ batteryKind, batteryState, virtualDrives }: RaidController): Problem[] {
  if (batteryKind === '' || batteryState === '' || batteryState === 'optimal') return []
  const name = batteryKind === 'cachevault' ? 'CacheVault' : 'battery'
  const isBusy = /charg|learn/.test(batteryState)
  const isAtRisk = virtualDrives.some(({ writeCache }) => writeCache === 'write-back-always')
  return [
    {
      severity: isAtRisk && !isBusy ? 'critical' : 'warning',
      part: 'battery',
      message: `its ${name} is ${batteryState.replaceAll('-', ' ')}${isAtRisk ? ', and writes are cached all the same' : ''}`,
    },
  ]
}

function ofWriteCache({ id, writeCache, writeCacheConfigured }: VirtualDrive): Problem[] {
  if (writeCache !== 'write-through' || !writeCacheConfigured.startsWith('write-back')) return []
  const message = `the write cache of virtual drive ${id} is off (write-through), though configured as ${writeCacheConfigured}`
  return [{ severity: 'warning', part: `cache ${id}`, message }]
}

const badStates: ReadonlySet<string> = new Set(['failed', 'offline', 'unconfigured-bad', 'missing'])

function ofDrive({ id, model, state }: PhysicalDrive): Problem[] {
  if (!badStates.has(state)) return []
  return [{ severity: 'warning', part: id, message: `drive ${id} (${model}) is ${state.replaceAll('-', ' ')}` }]
}
