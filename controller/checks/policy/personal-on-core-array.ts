import { finding, vmSubject, type Finding } from '../../model/finding.js'
import type { Box } from '../storage.js'
import type { Arrangement, Place } from './placed-fleet.js'
import { victimsOf } from './victims.js'

/** Personal VMs with disks on shared storage that core VMs use: heavy I/O of one slows all the others. */
export function personalOnCoreArray({ places }: Arrangement): Finding[] {
  return [...usersByBox(places)].flatMap(([id, { personal, core }]) => {
    if (personal.length === 0 || core.length === 0) return []
    const { names, related } = victimsOf(core)
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

interface Users {
  readonly personal: { readonly one: Place; readonly box: Box }[]
  readonly core: Place[]
}

function usersByBox(places: readonly Place[]): ReadonlyMap<string, Users> {
  const byBox = new Map<string, Users>()
  for (const one of places) {
    if (!one.active || one.class === undefined) continue
    for (const box of one.boxes) {
      if (!box.shared) continue
      const users = byBox.get(box.id) ?? { personal: [], core: [] }
      byBox.set(box.id, users)
      if (one.class === 'core') users.core.push(one)
      else users.personal.push({ one, box })
    }
  }
  return byBox
}
