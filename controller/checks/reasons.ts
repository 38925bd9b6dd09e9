import { finding, type Evidence, type Finding, type Severity } from '../model/finding.js'
import { strongest, type Strength } from './strength.js'

/** One of several things of which each is enough for a finding. */
export interface Reason {
  readonly strength: Strength
  readonly severity: Severity
  readonly text: string
  readonly evidence: Evidence
}

const rank = { info: 0, warning: 1, critical: 2 } as const satisfies Record<Severity, number>

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
    (worst, reason) => (rank[reason.severity] > rank[worst] ? reason.severity : worst),
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
