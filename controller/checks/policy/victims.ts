import { vmSubject, type Related } from '../../model/finding.js'
import { byName, named } from '../in-words.js'
import type { Place } from './place.js'

/** Who suffers, for a message and as subjects. */
export interface Victims {
  readonly names: string
  readonly related: readonly Related[]
}

interface Victim extends Pick<Place, 'uuid' | 'name'> {
  readonly class?: Place['class']
}

/** Enough to see who it is about; an array may have thousands. */
const mostRelated = 20

/** Core VMs first: it matters most for them. */
export function victimsOf(vms: readonly Victim[]): Victims {
  const ordered = vms.toSorted((a, b) => Number(b.class === 'core') - Number(a.class === 'core') || byName(a, b))
  return {
    names: named(ordered.map(({ name }) => name)),
    related: ordered.slice(0, mostRelated).map((one) => ({ role: 'victim', subject: vmSubject(one) })),
  }
}
