import { finding, vmSubject, type Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import type { Place } from './place.js'
import { victimsOf } from './victims.js'

/**
 * Personal VMs with disks on shared storage that core VMs use: heavy I/O of one slows all the others.
 * @param users VMs of a class with disks on one shared box
 */
export function personalOnCoreArray(users: readonly Place[], _policy: Policy, boxId: string): Finding[] {
  const personal = users.filter((one) => one.class === 'personal')
  const core = users.filter((one) => one.class === 'core')
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
