import type { ArrayFacts } from '../hypervisor/hypervisor.js'

/**
 * Arrays by key, each once: disks of several VMs resolve to the same array, and each may know other devices of it.
 * Names and kinds are those of the first; devices are joined; the largest size wins,
 * and the first calibration.
 */
export function mergeArrays(arrays: readonly ArrayFacts[]): readonly ArrayFacts[] {
  const byKey = new Map<string, ArrayFacts>()
  for (const array of arrays) {
    const before = byKey.get(array.key)
    byKey.set(array.key, before === undefined ? array : merged(before, array))
  }
  return [...byKey.values()]
}

function merged(a: ArrayFacts, b: ArrayFacts): ArrayFacts {
  const devices = [...new Set([...(a.devices ?? []), ...(b.devices ?? [])])].sort()
  const sizeBytes = Math.max(a.sizeBytes ?? 0, b.sizeBytes ?? 0)
  const calibration = a.calibration ?? b.calibration
  return {
    ...a,
    ...(calibration === undefined ? {} : { calibration }),
    ...(devices.length > 0 ? { devices } : {}),
    ...(sizeBytes > 0 ? { sizeBytes } : {}),
  }
}
