import type { RoomFleet } from './room-fleet.js'

/** New VMs that a growth of the fleet's configured memory means, in whole VMs of the profile. */
export function newVmsOfGrowth(fleet: RoomFleet, share: number): number {
  const memory = fleet.resources.find(({ name }) => name === 'memory')
  if (memory === undefined || memory.perNew <= 0) return 0
  const used = memory.use.reduce((sum, one) => sum + one, 0)
  return Math.ceil((used * share) / memory.perNew - 1e-9)
}

const dayMs = 86_400_000

/**
 * When demand that grows evenly to `newVms` at the end of the horizon is more than what fits.
 * @returns milliseconds since the epoch; undefined: not within the horizon
 */
export function shortFrom(now: number, horizonDays: number, newVms: number, fits: number): number | undefined {
  if (newVms <= fits) return undefined
  return now + Math.floor((horizonDays * fits) / newVms) * dayMs
}
