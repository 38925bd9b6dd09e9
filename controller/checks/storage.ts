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
export function ownDisks({ diskIds }: Vm, { disks }: Pick<Snapshot, 'disks'>): Disk[] {
  return diskIds
    .map((id) => disks.get(id))
    .filter((disk) => disk !== undefined)
    .filter(isOwnDisk)
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

/** Boxes that were made for a policy, by the array's key: the same object as long as it says the same. */
const boxesByPolicy = new WeakMap<Policy, Map<string, Box>>()
/** Of arrays that come and go. */
const mostBoxes = 100_000

/** Gives the box of an array, looked up once. */
export function boxesOf(snapshot: Pick<Snapshot, 'arrays'>, policy: Policy): (arrayKey: string) => Box {
  const index = policyIndex(policy)
  const former = boxesByPolicy.get(policy) ?? new Map<string, Box>()
  if (former.size > mostBoxes) former.clear()
  boxesByPolicy.set(policy, former)
  const boxes = new Map<string, Box>()
  return (key) => {
    const known = boxes.get(key)
    if (known !== undefined) return known
    const array = snapshot.arrays.get(key)
    const rule = index.arrayRule(key)?.rule
    const name = rule?.name ?? (array?.name || key)
    const shared = !isLocal(key, array)
    const before = former.get(key)
    const isSame = before !== undefined && before.name === name && before.shared === shared
    const box = isSame ? before : { id: rule?.join === true ? `joined:${rule.name}` : key, name, shared }
    former.set(key, box)
    boxes.set(key, box)
    return box
  }
}
