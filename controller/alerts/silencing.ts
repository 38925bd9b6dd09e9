import type { Silence, SilenceMatch } from '../model/alert.js'
import { subjectText, type Finding } from '../model/finding.js'
import { matchesPattern } from '../policy/match.js'
import type { SilenceRule } from '../model/policy.js'

/** The silences that are in force: those that people made, and those of the policy file, which are known by their place in it. */
export function silencesInForce(
  made: Iterable<Silence>,
  fromFile: readonly SilenceRule[],
  atMs: number,
): readonly Silence[] {
  const ofFile = fromFile.map((silence, index): Silence => ({ id: fileSilenceId(index), createdAtMs: 0, ...silence }))
  return [...made, ...ofFile].filter(({ untilMs }) => untilMs > atMs)
}

export function fileSilenceId(index: number): string {
  return `policy-${index + 1}`
}

/** The id of the first silence that covers a finding. */
export function silencedBy(silences: readonly Silence[], finding: Finding): string | undefined {
  return silences.find(({ match }) => covers(match, finding))?.id
}

function covers({ check, subject }: SilenceMatch, finding: Finding): boolean {
  if (check === undefined && subject === undefined) return false
  return (
    (check === undefined || matchesPattern(check, finding.check)) &&
    (subject === undefined || matchesPattern(subject, subjectText(finding.subject)))
  )
}
