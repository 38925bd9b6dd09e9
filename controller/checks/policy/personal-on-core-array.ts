import { groupBy } from '../../../common/group-by.js'
import { finding, vmSubject, type Finding } from '../../model/finding.js'
import type { Arrangement } from './placed-fleet.js'
import { victimsOf } from './victims.js'

/** Personal VMs with disks on shared storage that core VMs use: heavy I/O of one slows all the others. */
export function personalOnCoreArray({ places }: Arrangement): Finding[] {
  const users = places
    .filter((one) => one.active && one.class !== undefined)
    .flatMap((one) => one.boxes.filter(({ shared }) => shared).map((box) => ({ one, box })))
  return [...groupBy(users, ({ box }) => box.id)].flatMap(([id, together]) => {
    const personal = together.filter(({ one }) => one.class === 'personal')
    const core = together.filter(({ one }) => one.class === 'core')
    if (personal.length === 0 || core.length === 0) return []
    const { names, related } = victimsOf(core.map(({ one }) => one))
    return personal.map(({ one, box }) =>
      finding({
        check: 'personal-on-core-array',
        severity: 'warning',
        subject: vmSubject(one),
        part: id,
        message: `a personal VM on ${box.name}, which core VMs use (${names}): its I/O slows theirs`,
        related,
      }),
    )
  })
}
