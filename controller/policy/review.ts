import { groupBy } from '../../common/group-by.js'
import type { Judgement } from '../checks/fleet-findings.js'
import type { Snapshot } from '../model/snapshot.js'
import type { Note } from './note.js'
import type { ParsedPolicy } from './policy-file.js'
import { reviewFleet } from './review-fleet.js'
import { reviewRules } from './review-rules.js'

export interface PlacedNote extends Note {
  readonly line: number | undefined
}

/** More say nothing that these do not. */
const mostNotes = 500

/** What is allowed in a policy and probably not meant: by itself, and in the fleet as it is, where one is given. In the order of the file. */
export function reviewPolicy(
  { policy, lines }: ParsedPolicy,
  now: number,
  fleet?: { readonly snapshot: Snapshot; readonly judgement: Pick<Judgement, 'labels' | 'findings'> },
): PlacedNote[] {
  const notes = [
    ...reviewRules(policy, now),
    ...(fleet === undefined ? [] : reviewFleet(policy, fleet.snapshot, fleet.judgement)),
  ]
  const byKey = groupBy(notes, ({ key }) => key)
  return [...byKey.values()]
    .flatMap(withoutConsequences)
    .map((note) => ({ ...note, line: lines.get(note.key) }))
    .toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0))
    .slice(0, mostNotes)
}

/** A rule that is shadowed, or names what is not there, changes nothing: that goes without saying. */
function withoutConsequences(notes: readonly Note[]): readonly Note[] {
  const hasCause = notes.some(({ kind }) => kind === 'shadowed' || kind === 'unmatched')
  return hasCause ? notes.filter(({ kind }) => kind !== 'unused') : notes
}
