import { finding, severityRank, type Evidence, type Finding, type Severity } from '../model/finding.js'
import { strongest, type Strength } from './strength.js'

/** One of several things of which each is enough for a finding. */
export interface Reason {
  readonly strength: NonNullable<Strength>
  readonly severity: Severity
  readonly text: string
  readonly evidence: Evidence
}

/** Where a figure has no strength: nearly all are well, and texts cost. */
export const noReasons: readonly Reason[] = []

/** As strong as the strongest of its reasons, as severe as the worst of those; undefined where there are none. */
export function findingBecause(
  about: Pick<Finding, 'check' | 'subject'> & Partial<Pick<Finding, 'part'>>,
  reasons: readonly Reason[],
  inWords: (reasons: string) => string = (text) => text,
): Finding | undefined {
  if (reasons.length === 0) return undefined
  const strength = strongest(reasons.map((reason) => reason.strength))
  if (strength === undefined) return undefined
  const shown = reasons.filter((reason) => reason.strength === strength)
  const severity = shown.reduce<Severity>(
    (worst, reason) => (severityRank[reason.severity] > severityRank[worst] ? reason.severity : worst),
    'info',
  )
  return finding({
    ...about,
    severity,
    strength,
    message: inWords(shown.map(({ text }) => text).join('; ')),
    evidence: shown.map(({ evidence }) => evidence),
  })
}
