import { severityRank, type Severity } from '../model/finding.js'

/** Something that pends, or would from now on. */
export interface Candidate {
  readonly key: string
  readonly severity: Severity
  readonly sinceClockMs: number
}

/**
 * Which of those that pend have a place, where there are not places for all: the more severe, then the older, then the first by key, so that
 * the order in which findings came decides nothing.
 */
export function admitted(candidates: readonly Candidate[], places: number): ReadonlySet<string> {
  const kept = candidates.length <= places ? candidates : candidates.toSorted(byWeight).slice(0, Math.max(0, places))
  return new Set(kept.map(({ key }) => key))
}

function byWeight(a: Candidate, b: Candidate): number {
  return (
    severityRank[b.severity] - severityRank[a.severity] ||
    a.sinceClockMs - b.sinceClockMs ||
    (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)
  )
}
