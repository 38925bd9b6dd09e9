import { hostSubject, type Related } from '../../model/finding.js'
import type { Snapshot } from '../../model/snapshot.js'
import { byName, named } from '../in-words.js'

/** `a and b`, by name. */
export function namedHosts({ hosts }: Snapshot, ids: readonly string[]): string {
  return named(ids.map((id) => hosts.get(id)?.name ?? id).toSorted())
}

/** So that an exception for one of these hosts covers what is found. */
export function hostPartners({ hosts }: Snapshot, ids: readonly string[]): Related[] {
  return ids
    .map((id) => hosts.get(id) ?? { id, name: id })
    .toSorted(byName)
    .map((host) => ({ role: 'partner', subject: hostSubject(host) }))
}
