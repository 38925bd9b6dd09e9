import type { HostSpec } from '../../../common/fleet-file/fleet-spec.js'

/** Hosts that VMs can move between have the same. */
export function hypervisorOf({ kind, version, os }: Pick<HostSpec, 'kind' | 'version' | 'os'>): string {
  return JSON.stringify([kind, version, os])
}

/** The first disk carries the system; the others take images of VMs. A host whose disks are not on record has no known limit. */
export function localRoomBytes({ localDisksBytes }: Pick<HostSpec, 'localDisksBytes'>): number {
  const [, ...others] = localDisksBytes
  if (localDisksBytes.length === 0) return Infinity
  return others.length === 0 ? (localDisksBytes[0] ?? 0) : others.reduce((sum, one) => sum + one, 0)
}
