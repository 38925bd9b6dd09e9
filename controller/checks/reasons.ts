import { finding, severityRank, type Evidence, type Finding, type Severity } from '../model/finding.js'
import { strongest, type Strength } from './strength.js'

/** One of several things of which each is enough for a finding. */
export interface Reason {
  readonly strength: Strength
  readonly severity: Severity
  readonly text: string
  readonly evidence: Evidence
}

/** As strong as the strongest of its reasons, as severe as the worst of those; none where no reason has any strength. */
export function findingBecause(
  about: Pick<Finding, 'check' | 'subject'> & Partial<Pick<Finding, 'part'>>,
  reasons: readonly Reason[],
  inWords: (reasons: string) => string = (text) => text,
): Finding[] {
  const strength = strongest(reasons.map((reason) => reason.strength))
  if (strength === undefined) return []
  const shown = reasons.filter((reason) => reason.strength === strength)
  const severity = shown.reduce<Severity>(
    (worst, reason) => (severityRank[reason.severity] > severityRank[worst] ? reason.severity : worst),
    'info',
  )
  return [
    finding({
      ...about,
      severity,
      strength,
      message: inWords(shown.map(({ text }) => text).join('; ')),
      evidence: shown.map(({ evidence }) => evidence),
    }),
  ]
}
