import type { Capability } from '../../hypervisor/hypervisor.js'
import type { HealthSourceName } from './health-raw.js'

/** What people know the sources by. */
const titles: Readonly<Record<HealthSourceName, string>> = {
  md: 'md',
  'raid-controller': 'RAID controllers',
  smart: 'SMART',
  lvm: 'LVM',
}

/** @param unavailable why sources cannot be read */
export function healthCapability(
  names: readonly HealthSourceName[],
  unavailable: ReadonlyMap<HealthSourceName, string>,
): Capability {
  const name = 'storage-health'
  if (names.length === 0) return { name, support: 'no', reason: 'switched off in agent.yaml' }
  if (unavailable.size === 0) return { name, support: 'yes' }
  const reason = [...unavailable].map(([source, why]) => `${titles[source]}: ${why}`).join('; ')
  return { name, support: unavailable.size < names.length ? 'degraded' : 'no', reason: reason.slice(0, 250) }
}
