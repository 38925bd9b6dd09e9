import { finding, vmSubject, type Finding } from '../../model/finding.js'
import { named } from '../in-words.js'
import { boxNames, type Place } from './place.js'
import { victimsOf, type Victims } from './victims.js'

/** Personal VMs on a host with core VMs: their load cannot be foreseen. On local disks their I/O hurts nobody; elsewhere it may. */
export function personalBesideCore(together: readonly Place[]): Finding[] {
  const personal = together.filter((one) => one.class === 'personal')
  const core = together.filter((one) => one.class === 'core')
  if (personal.length === 0 || core.length === 0) return []
  const victims = victimsOf(core)
  return personal.map((one) => besideFinding(one, victims))
}

function besideFinding(one: Place, { names, related }: Victims): Finding {
  const { hostName, boxes } = one
  const shared = boxes.filter((box) => box.shared)
  const disks = shared.length === 0 ? 'its disks are local' : `its disks are on ${named(boxNames(shared))}`
  return finding({
    check: 'personal-beside-core',
    severity: shared.length === 0 ? 'info' : 'warning',
    subject: vmSubject(one),
    message: `a personal VM beside core VMs on ${hostName} (${names}); ${disks}`,
    related,
  })
}
