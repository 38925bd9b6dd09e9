import { checkTable, type CheckName } from '../model/check-table.js'
import type { Finding, Subject } from '../model/finding.js'
import type { ExceptionRule, Policy } from '../model/policy.js'
import type { Snapshot } from '../model/snapshot.js'
import { policyIndex, type At } from '../policy/policy-index.js'

/** A finding that is on purpose. */
export interface Excepted {
  readonly finding: Finding
  readonly reason: string
  /** Of the exception: `exceptions.2`. */
  readonly key: string
}

export interface Settled {
  /** What is so, with the severities that the policy sets. */
  readonly stands: readonly Finding[]
  /** What only keeps alerts from ending: for them alone, nobody sees it. */
  readonly kept: readonly Finding[]
  readonly excepted: readonly Excepted[]
}

/**
 * Takes out what the policy excepts, and sets severities as it says. An exception for a VM covers findings about it and about a pair that it
 * is part of; one for a host covers findings about the host, about VMs on it, and about a pair with a VM on it.
 */
export function settle(findings: readonly Finding[], snapshot: Snapshot, policy: Policy): Settled {
  const stands: Finding[] = []
  const kept: Finding[] = []
  const excepted: Excepted[] = []
  for (const finding of findings) {
    const exception = exceptionFor(finding, snapshot, policy)
    const isRaised = finding.strength === 'raise'
    if (exception === undefined) (isRaised ? stands : kept).push(graded(finding, policy))
    else if (isRaised) excepted.push({ finding, reason: exception.rule.reason, key: exception.key })
  }
  return { stands, kept, excepted }
}

/** Whether an exception of the policy covers a finding, one of which nobody can say whether it is still so too. */
export function isExcepted(finding: Finding, snapshot: Snapshot, policy: Policy): boolean {
  return exceptionFor(finding, snapshot, policy) !== undefined
}

function exceptionFor(finding: Finding, snapshot: Snapshot, policy: Policy): At<ExceptionRule> | undefined {
  if (policy.exceptions.length === 0) return undefined
  const { exceptionsOfVm, exceptionsOfHost } = policyIndex(policy)
  const partners = finding.related.filter(({ role }) => role === 'partner').map(({ subject }) => subject)
  return [finding.subject, ...partners]
    .flatMap((subject) => [
      ...(subject.kind === 'vm' ? exceptionsOfVm(subject.name) : []),
      ...hostNamesOf(subject, snapshot).flatMap(exceptionsOfHost),
    ])
    .find(({ rule }) => rule.rule === finding.check)
}

/** The one host that it is about, if it is. */
function hostNamesOf({ kind, id, name }: Subject, snapshot: Snapshot): string[] {
  if (kind === 'host') return [name]
  const hostId = kind === 'vm' ? snapshot.vms.get(id)?.hostId : undefined
  const host = snapshot.hosts.get(hostId ?? '')
  return host === undefined ? [] : [host.name]
}

function graded(finding: Finding, { thresholds }: Policy): Finding {
  const severity = isCheckName(finding.check) ? thresholds[finding.check].severity : undefined
  return severity === undefined ? finding : { ...finding, severity }
}

function isCheckName(name: string): name is CheckName {
  return Object.hasOwn(checkTable, name)
}
