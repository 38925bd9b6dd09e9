import type { Circumstances } from '../../model/circumstances.js'
import { agentSubject, finding, type Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import type { Snapshot } from '../../model/snapshot.js'

/** Agents of a version before the controller's, fixes (the third number) left aside. One that did not say its version is not judged. */
export function agentOld(snapshot: Snapshot, _policy: Policy, { version = '' }: Circumstances): Finding[] {
  const own = numbersOf(version)
  if (own === undefined) return []
  const found: Finding[] = []
  for (const agent of snapshot.agents.values()) {
    const theirs = agent.connected ? numbersOf(agent.version) : undefined
    if (theirs === undefined || !isBefore(theirs, own)) continue
    found.push(
      finding({
        check: 'agent-old',
        severity: theirs.major < own.major ? 'warning' : 'info',
        subject: agentSubject(agent),
        message: `it is of version ${agent.version}, the controller of ${version}`,
      }),
    )
  }
  return found
}

interface Numbers {
  readonly major: number
  readonly minor: number
}

function numbersOf(version: string): Numbers | undefined {
  const match = /^v?(\d+)\.(\d+)/.exec(version)
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2]) }
}

function isBefore(a: Numbers, b: Numbers): boolean {
  return a.major === b.major ? a.minor < b.minor : a.major < b.major
}
