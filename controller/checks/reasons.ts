import { finding, severityRank, type Evidence, type Finding, type Severity } from '../model/finding.js'
import { strongest, type Strength } from './strength.js'

/** One of several things of which each is enough for a finding. */
export interface Reason {
  readonly strength: Strength
  readonly severity: Severity
  readonly text: string
  readonly evidence: Evidence
}

const none: readonly Reason[] = []

/** A reason only where its figure has any strength: nearly all are well, and texts cost. */
export function reasonIf(strength: Strength, say: () => Omit<Reason, 'strength'>): readonly Reason[] {
  return strength === undefined ? none : [{ strength, ...say() }]
}

/** As strong as the strongest of its reasons, as severe as the worst of those; none where no reason has any strength. */
export function findingBecause(
  about: Pick<Finding, 'check' | 'subject'> & Partial<Pick<Finding, 'part'>>,
  reasons: readonly Reason[],
  inWords: (reasons: string) => string = (text) => text,
): Finding[] {
  if (reasons.length === 0) return []
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
