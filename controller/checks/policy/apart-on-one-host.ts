import { groupBy } from '../../../common/group-by.js'
import { finding, findingKey, vmSubject, type Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import { policyIndex } from '../../policy/policy-index.js'
import { byName } from '../in-words.js'
import type { Place } from './place.js'

/** VMs of one host that the policy wants apart: one finding for each beyond the first there. */
export function apartOnOneHost(together: readonly Place[], policy: Policy): Finding[] {
  const { apartOfVm } = policyIndex(policy)
  const findings = new Map<string, Finding>()
  const named = together.flatMap((one) =>
    apartOfVm(one.name).map(({ rule, pattern }) => ({ one, list: rule, place: pattern })),
  )
  for (const list of groupBy(named, ({ list }) => list).values()) {
    const [first, ...others] = list.toSorted((a, b) => a.place - b.place || byName(a.one, b.one))
    if (first === undefined) continue
    for (const { one } of others) {
      const broken = apartFinding(one, first.one)
      // Two lists may name the same pair.
      findings.set(findingKey(broken), broken)
    }
  }
  return [...findings.values()]
}

function apartFinding(one: Place, first: Place): Finding {
  return finding({
    check: 'apart-on-one-host',
    severity: 'warning',
    subject: vmSubject(one),
    part: first.uuid,
    message: `it and ${first.name} are to run on different hosts; both are on ${one.hostName}`,
    related: [{ role: 'partner', subject: vmSubject(first) }],
  })
}
