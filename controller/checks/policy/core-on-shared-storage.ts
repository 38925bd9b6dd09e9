import { finding, vmSubject, type Finding } from '../../model/finding.js'
import { named } from '../in-words.js'
import { boxNames } from './place.js'
import type { Arrangement } from './placed-fleet.js'

/** Core VMs with a disk on storage of their host alone: lost with the host, and they cannot move while they run. */
export function coreOnSharedStorage({ places }: Arrangement): Finding[] {
  const tied = places.filter((one) => one.occupant.tied && one.class === 'core' && one.active)
  return tied.map((one) => {
    const local = one.boxes.filter(({ shared }) => !shared)
    const where = named(boxNames(local))
    const message = `a core VM on local storage of ${one.hostName} (${where}): it is lost with the host and cannot move while it runs`
    return finding({ check: 'core-on-shared-storage', severity: 'warning', subject: vmSubject(one), message })
  })
}
