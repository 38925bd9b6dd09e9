import { finding, vmSubject, type Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import type { Place } from './place.js'
import { victimsOf } from './victims.js'

/**
 * Personal VMs with disks on shared storage that core VMs use: heavy I/O of one slows all the others.
 * @param users active VMs with disks on one box
 */
export function personalOnCoreArray(users: readonly Place[], _policy: Policy, boxId: string): Finding[] {
  const sharing = users.filter((one) => one.boxes.some(({ id, shared }) => id === boxId && shared))
  const personal = sharing.filter((one) => one.class === 'personal')
  const core = sharing.filter((one) => one.class === 'core')
  if (personal.length === 0 || core.length === 0) return []
  const { names, related } = victimsOf(core)
  return personal.map((one) => {
    const box = one.boxes.find(({ id }) => id === boxId)
    return finding({
      check: 'personal-on-core-array',
      severity: 'warning',
      subject: vmSubject(one),
      part: boxId,
      message: `a personal VM on ${box?.name ?? boxId}, which core VMs use (${names}): its I/O slows theirs`,
      related,
    })
  })
}
