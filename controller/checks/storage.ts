import type { Disk, Snapshot, StorageArray, Vm } from '../model/snapshot.js'
import type { Policy } from '../model/policy.js'
import { policyIndex } from '../policy/policy-index.js'

/** What disks lie on, as rules about storage see it. */
export interface Box {
  /** Key of the array, or of all that the policy joins. */
  readonly id: string
  readonly name: string
  /** Other hosts can reach it. */
  readonly shared: boolean
}

/** Disks that a VM writes to: neither CD-ROMs nor what it may only read; those whose array is known. */
export function ownDisks(vm: Vm, snapshot: Pick<Snapshot, 'disks'>): Disk[] {
  return vm.diskIds.flatMap((id) => snapshot.disks.get(id) ?? []).filter(isOwnDisk)
}

export function isOwnDisk({ readOnly, removable, arrayKey }: Disk): boolean {
  return !readOnly && !removable && arrayKey !== ''
}

/**
 * Whether only the host itself reaches the array. A volume group over several devices may be either; then it counts as local until two
 * hosts tell of it.
 */
export function isLocal(key: string, array: StorageArray | undefined): boolean {
  return key.startsWith('local:') || (key.startsWith('lvm:') && (array?.hostIds.length ?? 0) < 2)
}

/** Gives the box of an array, looked up once. */
export function boxesOf(snapshot: Pick<Snapshot, 'arrays'>, policy: Policy): (arrayKey: string) => Box {
  const index = policyIndex(policy)
  const boxes = new Map<string, Box>()
  return (key) => {
    const before = boxes.get(key)
    if (before !== undefined) return before
    const array = snapshot.arrays.get(key)
    const rule = index.arrayRule(key)?.rule
    const box: Box = {
      id: rule?.join === true ? `joined:${rule.name}` : key,
      name: rule?.name ?? (array?.name || key),
      shared: !isLocal(key, array),
    }
    boxes.set(key, box)
    return box
  }
}
