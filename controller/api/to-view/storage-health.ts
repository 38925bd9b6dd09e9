import type { StorageHealth } from '../../model/snapshot.js'
import type { StorageHealthView } from '../storage-health-view.js'
import { given } from './metrics-view.js'

export function storageHealthViewOf(health: StorageHealth): StorageHealthView {
  return {
    sources: health.sources.map((source) => given({ ...source })),
    mdArrays: health.mdArrays.map((array) =>
      given({ ...array, members: array.members.map((member) => ({ ...member })) }),
    ),
    raidControllers: health.raidControllers.map((controller) => ({
      ...controller,
      virtualDrives: controller.virtualDrives.map((drive) => ({ ...drive })),
      physicalDrives: controller.physicalDrives.map((drive) => given({ ...drive })),
    })),
    disks: health.disks.map((disk) => given({ ...disk })),
    pools: health.pools.map((pool) => given({ ...pool })),
  }
}
