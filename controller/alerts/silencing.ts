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

/** Gives the id of the first silence in force that covers a finding. */
export type Silencer = (finding: Pick<Finding, 'check' | 'subject'>) => string | undefined

interface Made {
  readonly fromFile: readonly SilenceRule[]
  /** Between these moments no silence ends. */
  readonly fromMs: number
  readonly untilMs: number
  readonly silencer: Silencer
}

/** Silences are the same for long: what they cover is found out once for each subject and check. */
const silencers = new WeakMap<ReadonlyMap<string, Silence>, Made>()
const mostAnswers = 50_000

/** @param made by people, by id */
export function silencerOf(
  made: ReadonlyMap<string, Silence>,
  fromFile: readonly SilenceRule[],
  atMs: number,
): Silencer {
  const before = silencers.get(made)
  if (before?.fromFile === fromFile && before.fromMs <= atMs && atMs < before.untilMs) return before.silencer
  const ends = [...made.values(), ...fromFile].map(({ untilMs }) => untilMs)
  const silencer = silencerFor(silencesInForce(made.values(), fromFile, atMs))
  silencers.set(made, {
    fromFile,
    fromMs: Math.max(-Infinity, ...ends.filter((endMs) => endMs <= atMs)),
    untilMs: Math.min(Infinity, ...ends.filter((endMs) => endMs > atMs)),
    silencer,
  })
  return silencer
}

function silencerFor(silences: readonly Silence[]): Silencer {
  if (silences.length === 0) return () => undefined
  const answers = new Map<string, string | undefined>()
  return (finding) => {
    const asked = `${finding.check} ${subjectText(finding.subject)}`
    if (answers.has(asked)) return answers.get(asked)
    if (answers.size >= mostAnswers) answers.clear()
    const answer = silences.find(({ match }) => covers(match, finding))?.id
    answers.set(asked, answer)
    return answer
  }
}

function covers({ check, subject }: SilenceMatch, finding: Pick<Finding, 'check' | 'subject'>): boolean {
  if (check === undefined && subject === undefined) return false
  return (
    (check === undefined || matchesPattern(check, finding.check)) &&
    (subject === undefined || matchesPattern(subject, subjectText(finding.subject)))
  )
}
